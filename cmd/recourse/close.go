package main

import "errors"

// closeWith closes something at a function's end and adds what went wrong to
// the function's error.
func closeWith(err *error, close func() error) { *err = errors.Join(*err, close()) }
