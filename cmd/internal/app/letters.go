package app

import (
	"io/fs"
	"os"
	"path/filepath"

	"dossier/packager"
	"dossier/packager/compose/letter"
	"dossier/templates"
)

// letters reads the shipped wordings and, over them, those of the user: *.txt
// in the folder of the setting, or in its folder letters.
func (a *App) letters() (*letter.Library, error) {
	sub, err := fs.Sub(templates.FS, letter.Dir)
	if err != nil {
		return nil, err
	}
	sources := []letter.Source{{FS: sub, Name: "templates/" + letter.Dir}}
	if dir := a.Config.Templates; dir != "" {
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			return nil, &packager.Fault{Class: packager.ClassConfig, Code: "LETTER_TEMPLATES_NO_FOLDER", Args: packager.Args{"dir": dir}, Err: err}
		}
		if st, err := os.Stat(filepath.Join(dir, letter.Dir)); err == nil && st.IsDir() {
			dir = filepath.Join(dir, letter.Dir)
		}
		own := letter.Source{FS: os.DirFS(dir), Name: filepath.ToSlash(dir)}
		if names, err := fs.Glob(own.FS, "*.txt"); err != nil || len(names) == 0 {
			return nil, &packager.Fault{Class: packager.ClassConfig, Code: "LETTER_TEMPLATES_EMPTY", Args: packager.Args{"dir": dir}, Err: err}
		}
		sources = append(sources, own)
	}
	return letter.Load(sources...)
}
