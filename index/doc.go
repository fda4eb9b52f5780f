// Package index finds blocks of changes by the words of their values. It holds
// nothing that the store does not: it can be deleted and built again.
//
// Start with [Open]; [Index.Follow] brings an index up to the store, and an
// Index is the query.WordFinder of a query.Engine.
//
// Each block of audit.BlockSize changes is one bleve document: the distinct
// words, as query.Tokens has them, of its changes. Only whole blocks are indexed.
// A word is cut at maxTerm bytes; what is kept of it, with cutMark after it,
// stands for all words that begin so. bleve keeps the documents in segments of
// our own form (see segment), which for words alone take a quarter of the room
// and half of the time of bleve's.
//
// # What words a block has
//
// For each of its changes, as it was read when the block was indexed:
//
//   - the words of all values that it wrote or removed (audit.Change.Touched), and
//   - if the record as it was before is known, and not because an earlier change
//     of the record left it so (its source is not audit.Folded), all words of that
//     image. The same for a message, which leaves the record as it was.
//
// From the first follows that every change that wrote or removed a word is in a
// block that is proposed for it. From both together follows what a question for
// the words that a record carries needs:
//
// If an image of a change has a word, then a change of the same record has it in
// an image which is in a block proposed for the word, or of which the index does
// not know: it is beyond Progress, or doubtful, that is, it reads otherwise now
// than when it was indexed.
//
// For take a change that has the word in an image, is indexed and not doubtful. If
// the word is in a value that it wrote or removed, its own block has it. If not,
// both images have it, or one does and the other is not known, and then all of
// the known one counts as touched. With the word in the image before: if that was
// not folded, the block has all its words. If it was, it is the image that the
// record's change before it, by time, left behind, as it is read now; so the same
// holds of that change, and as it is an earlier one, this ends. It does not matter
// in which order the changes were stored: a change that came late, an image that
// a later reading corrected and a baseline make those changes doubtful that now
// read otherwise, and no others.
//
// Who ceases to call a change doubtful must have its block indexed again before,
// with [Index.Refresh].
package index
