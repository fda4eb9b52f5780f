// Package index finds changes by field and word. It holds nothing that the
// store does not: it can be deleted and built again.
//
// Start with [Open]; [Index.Follow] brings an index up to the store, and an
// Index is the query.Finder of a query.Engine.
//
// Each change is one bleve document without stored fields or doc values. Its
// name is its place in the order of answers, 16 hex digits of time and 16 of
// number, so that sorting by name needs no field. Three fields hold terms:
//
//	f  what the change is, as "name=value" (terms.go has the list)
//	w  words of the values that it wrote or removed
//	c  other words of its images before and after
//
// Words come from query.TermsOf. A term is cut at maxTerm bytes; such a term
// stands for all that begin like it.
package index
