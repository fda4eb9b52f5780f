//go:build !unix

package main

// untilExec waits for nothing: there is no moment between fork and exec.
func untilExec() (wait func() error, err error) { return func() error { return nil }, nil }
