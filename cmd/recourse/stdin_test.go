package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"recourse/internal/api"
	"recourse/revert"
)

// Who presses Ctrl-C at a prompt, or while nothing comes through a pipe, is not
// waited for, and the input that did not come is not said to be bad.
func TestInterruptedWhileItWaitsForInput(t *testing.T) {
	in, other := io.Pipe()
	defer other.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stderr bytes.Buffer
	e := &env{stdin: in, stdout: io.Discard, stderr: &stderr, now: time.Now}
	dir := t.TempDir()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, e, []string{"recourse", "--data", dir, "revert", "select", "--changes", "-"})
	}()
	if _, err := other.Write([]byte("{")); err != nil { // it reads
		t.Fatal(err)
	}
	interrupt()
	select {
	case code := <-ended:
		if code != exitInterrupted || !strings.HasPrefix(stderr.String(), "recourse: interrupted\n") {
			t.Errorf("exit %d, %q; want %d, and that it was interrupted", code, stderr.String(), exitInterrupted)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it still waits for input")
	}
}

func TestInterruptibleReadsWhatComes(t *testing.T) {
	const text = "a line, and what is after it"
	if err := iotest.TestReader(&interruptible{in: iotest.HalfReader(strings.NewReader(text))}, []byte(text)); err != nil {
		t.Error(err)
	}
	done := make(chan struct{})
	close(done)
	in, _ := io.Pipe()
	if _, err := (&interruptible{in: in, done: done}).Read(make([]byte, 1)); !errors.Is(err, api.ErrInterrupted) {
		t.Errorf("%v, want ErrInterrupted", err)
	}
}

// An input that fails is no answer: nothing is decided by what came before.
func TestAnswersThatCannotBeRead(t *testing.T) {
	failed := errors.New("the terminal is gone")
	answers := "fill\nas she said\n"
	for name, said := range map[string]string{"at the option": answers, "at the reason": answers + "fill\n"} {
		e := &env{stdin: io.MultiReader(strings.NewReader(said), iotest.ErrReader(failed)), stderr: io.Discard}
		plan := &revert.Plan{Conflicts: []revert.Conflict{{N: 1, Options: []string{"fill"}}, {N: 2, Options: []string{"fill"}}}}
		if choices, err := askChoices(e, plan); !errors.Is(err, failed) {
			t.Errorf("%s: %v, %v; want the failure", name, choices, err)
		}
	}
}
