// Package query is the language in which changes are asked for, and the way in
// which a question is answered.
//
// Start with [Parse], which reads a question into an [Expr], and [Engine],
// which answers it: from the sums of a [View], from the words of a [WordFinder],
// and where these do not tell by reading. [Timeline] tells one record's life. An
// Expr is decided by [Expr.Match] alone: what is not sure by the sums is held
// against it, and an index only proposes changes, so it can make an answer fast
// but never wrong.
//
// A chunk's changes are planned as two sets, those that surely match and those
// that may. Pages, counts, facets and histograms are made of both, and only of the
// difference changes are read.
//
// # The language
//
//	word  "some words"        words of the values that a change wrote or removed
//	pay*  p?yment  *ment      the same with wildcards
//	payment~  payment~2       the same with one or two characters that differ
//	/re2/                     a regular expression on those values
//	carries:word              the same in the whole image before or after
//	user:eve  user:/^svc-/    fields: user op kind db table node attr set unset
//	table:shop.customers      with the database, or without: table:customers;
//	                          wildcards: table:shop.*
//	id:318  id:"318"          the number, and the text; id:c-17 is text as well
//	key:shop.customers/c-17   one record, written as everywhere: DATABASE.TABLE/ID
//	after.status:paid         a value in the image after (before: in the one before)
//	before.total>100          also >= < <=, and ranges: before.total:[10..20]
//	after.vip:*               the attribute is there
//	before:unknown            unknown, absent or present; also after:
//	late:true  lossy:true     what the change is marked with
//	rule:mass-delete          what a rule has as evidence; no change holds it, so only
//	                          an Engine knows, and to Match it is no change
//	seq:17  seq:[10..20]      our numbers
//	txn:1795465916125.6418    the transaction of that exact time
//	@-2h  @2026-08-01  @A..B  when; also time>=A, time:[A..B]
//	@txn:T±5m  @alert:ID±10m  around a transaction, or around an alert
//	user:in(eve,bob)          one of these; in(list:NAME) is those of a list
//	user:~mallory             the whole value, but for one character (~~: two), in any case
//	value:x appears:x         a single value in either image; in the one after and not before
//	vanishes:x                the other way round
//	delta.total>100 ratio.x>2 by how much a number changed, and to how many times
//	first:user+table          the first change of history with these values together
//	like:17                   of the user, table, op and attributes of change 17
//	alert:ID  risk>=50        evidence of an alert, or of alerts with such a risk
//	label:money               in tables that rule files give the label
//	hour>=22 weekday:sunday   also txn_size, lag, op_reported, before_trust, after_trust
//	@q:NAME                   a saved query
//	*                         everything
//
// Terms that stand together must all hold; or, and, not, a minus sign and
// parentheses do what they say; not binds tighter than and, and that tighter
// than or.
//
// What the names of lists, alerts, labels and saved queries stand for, [Names]
// tell when a query is answered.
//
// A word with ~ matches words from which it differs by one character that is put
// in, taken out or replaced, with ~2 by two. [Where] holds conditions of another
// language; it is not read by Parse.
//
// Words ignore case. A word is a run of letters and digits ([Tokens]); what a
// person sees as one thing but has other characters in it, such as an e-mail
// address, is a phrase: its words must stand side by side in one value. Numbers
// are searched in the form JSON has for them. A script that does not part its
// words, such as Chinese, has one word a run; search within it by *wildcards*.
//
// Fields respect case (op and kind apart) and hold the whole value; /(?i)eve/
// finds it in any case and anywhere. Bare true, false, null and JSON numbers are values
// of those types in id:, before. and after.; in quotes they are text. Dates,
// bytes and NaN are written as the text that JSON has for them; a date in an
// image also equals any way to write its instant. A value in an array counts as
// a value of the attribute. Wildcards match no empty value.
//
// When the image before a change is not known, what the change wrote cannot be
// told from what it left alone. Words and attr: then look at the whole image
// after, so that nothing which may have been written is missed; add
// before:present to leave such changes out. If only the image after is unknown,
// they look at the whole image before. set: and unset: need both images. A test
// of an image that is not known does not hold, so its negation does.
package query
