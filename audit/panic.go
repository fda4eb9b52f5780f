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

// Guard makes of a panic an error. Whoever starts a goroutine has it defer this, since
// a panic that is not recovered there ends the process with all else that it does.
func Guard(err *error) {
	if value := recover(); value != nil {
		*err = &Panic{Value: value, Stack: debug.Stack()}
	}
}
