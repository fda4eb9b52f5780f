package audit

// A Sketch is a change of which no more was read than is wanted: its outline, or with
// its images, or which attributes it edited.
type Sketch struct {
	Change
	// Depth says what was read; the rest of the change is in outline.
	Depth Depth
	// Edited are the record's own attributes that the change edited, each as a whole;
	// set only with the depth Edited.
	Edited []string
	// From is the change that left Before, as that change is known now; 0: it is not
	// known to be one. Set with the depths Edited and Whole.
	From Seq
}

// A Depth is how much is read of a change.
type Depth uint8

// The depths. What is wanted as Edited may be read whole: objects have to be
// compared, and so has what may be the same value in another form.
const (
	Outlined Depth = iota // no ID, no bodies of images, and not what was sent
	Edited                // outlined, and which attributes it edited
	Whole                 // all of it
)
