package local

import "errors"

// WithoutLinks plays a file system without hard links.
func WithoutLinks(s *Store) {
	s.link = func(string, string) error { return errors.ErrUnsupported }
}
