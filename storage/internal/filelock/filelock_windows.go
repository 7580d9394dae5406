package filelock

import (
	"os"

	"golang.org/x/sys/windows"
)

func lock(f *os.File) error { return lockEx(f, 0) }

func tryLock(f *os.File) (bool, error) {
	err := lockEx(f, windows.LOCKFILE_FAIL_IMMEDIATELY)
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}

func lockEx(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|flags, 0, 1, 0, new(windows.Overlapped))
}
