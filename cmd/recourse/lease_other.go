//go:build !(linux || darwin || freebsd)

package main

// lockFile cannot hold off others on this system.
func lockFile(string) (unlock func(), taken bool, err error) { return func() {}, false, nil }
