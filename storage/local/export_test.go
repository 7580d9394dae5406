package local

import "syscall"

// WithoutLinks plays a file system without hard links.
func WithoutLinks(s *Store) {
	s.link = func(string, string) error { return syscall.EPERM }
}
