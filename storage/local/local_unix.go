//go:build unix

package local

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noLinks reports that the file system has no hard links, or not for us.
func noLinks(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EXDEV)
}

// isFull reports that disk, quota or file-size limit is used up.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

func syncFolder(d *os.File) error {
	err := d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // the file system knows no fsync of folders
	}
	return err
}
