package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"dossier/packager"
)

// fence runs a parser of foreign bytes: a panic and a time-out become problems
// of the file. Go cannot stop a running goroutine, so the parsers get a context
// that ends with the time, and one that does not listen is left behind.
func fence(ctx context.Context, limit time.Duration, parse func(context.Context) *facts) *facts {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result := make(chan *facts, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				f := &facts{Media: kindOther.media, Form: packager.FormOther}
				f.fatal("PARSER_FAILED", packager.Args{"reason": brief(fmt.Sprint(r))})
				result <- f
			}
		}()
		result <- parse(ctx)
	}()
	select {
	case f := <-result:
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return f
		}
	case <-ctx.Done():
	}
	f := &facts{Media: kindOther.media, Form: packager.FormOther}
	f.fatal("FILE_TOO_SLOW", packager.Args{"seconds": fmt.Sprint(int(limit.Seconds()))})
	return f
}

// passing reports whether the facts may be different next time.
func (f *facts) passing() bool {
	for _, p := range f.Problems {
		switch p.Code {
		case "FILE_TOO_SLOW", "FILE_TOO_HUNGRY", "FILE_UNREADABLE", "FILE_CHANGED", "PARSER_FAILED":
			return true
		}
	}
	return false
}

// cause is an error's text without the path, which the finding has.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return brief(err.Error())
}

// brief cuts a foreign text so that it fits into a message.
func brief(s string) string {
	r := []rune(s)
	if len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return s
}
