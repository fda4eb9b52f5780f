package audit

import (
	"fmt"
	"runtime/debug"
)

// A Panic is a defect of the program that showed in a goroutine, and that ends what
// the goroutine was at work on and nothing else.
type Panic struct {
	Value any    // what was panicked with
	Stack []byte // of the goroutine, as runtime/debug has it
}

// Error says what was panicked with; the stack is for the log.
func (p *Panic) Error() string { return fmt.Sprintf("a defect of the program: %v", p.Value) }

// Unwrap is what was panicked with, if that is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Hint says where more is told.
func (p *Panic) Hint() string { return "the log has where it was: report that" }

// Guarded does something, and makes an error of a panic. Whoever starts a goroutine has
// it do all through this, or defer Guard, since a panic that is not recovered there ends
// the process, with all else that it does.
func Guarded(do func() error) (err error) {
	defer Guard(&err)
	return do()
}

// Guard, when deferred, makes of a panic an error.
func Guard(err *error) {
	if value := recover(); value != nil {
		*err = &Panic{Value: value, Stack: debug.Stack()}
	}
}
