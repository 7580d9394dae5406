// Package filelock locks files between processes. A lock ends with the
// process that holds it, however it ends.
package filelock

import "os"

// Lock waits for an exclusive lock on f. Closing f releases it.
func Lock(f *os.File) error { return lock(f) }

// TryLock takes the lock, or reports false if another process has it.
func TryLock(f *os.File) (bool, error) { return tryLock(f) }
