package rules

import (
	"sync"

	"dossier/packager/yamldoc"
	"dossier/templates"
)

// The schemas of templates/schema, compiled when they are first needed.
var (
	packSchema = sync.OnceValues(func() (*yamldoc.Schema, error) {
		return compileSchema("rules.schema.json")
	})
	catalogueSchema = sync.OnceValues(func() (*yamldoc.Schema, error) {
		return compileSchema("materials.schema.json", "rules.schema.json")
	})
)

func compileSchema(name string, others ...string) (*yamldoc.Schema, error) {
	var files []yamldoc.File
	for _, n := range append([]string{name}, others...) {
		b, err := templates.FS.ReadFile("schema/" + n)
		if err != nil {
			return nil, err
		}
		files = append(files, yamldoc.File{Name: n, Bytes: b})
	}
	return yamldoc.CompileSchema(name, files[0].Bytes, files[1:]...)
}
