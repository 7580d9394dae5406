// Command gen makes the files of package samples that Go cannot encode. It
// needs ImageMagick (convert) and libheif (heif-enc), and is run from the root
// of the module:
//
//	go run ./packager/inspect/samples/gen
package main

import (
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"dossier/packager/inspect/samples"
)

func main() {
	const out = "packager/inspect/samples/files"
	tmp, err := os.MkdirTemp("", "samples")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	in := filepath.Join(tmp, "page.png")
	if err := os.WriteFile(in, samples.PNG(samples.Shoot(samples.Note(), samples.Camera{})), 0o600); err != nil {
		log.Fatal(err)
	}
	run := func(name string, args ...string) {
		if b, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			log.Fatalf("%s: %v\n%s", name, err, b)
		}
	}
	run("convert", in, "-interlace", "JPEG", "-quality", "70", out+"/progressive.jpg")
	run("convert", in, "-colorspace", "CMYK", "-quality", "60", out+"/cmyk.jpg")
	run("convert", in, "-interlace", "PNG", "-define", "png:exclude-chunks=date,time", out+"/interlaced.png")
	run("convert", in, "-quality", "60", out+"/photo.webp")
	colour := filepath.Join(tmp, "colour.png") // as a phone writes it, not monochrome
	run("convert", in, "-fill", "#f8f4e8", "-tint", "60", "PNG24:"+colour)
	run("heif-enc", "-q", "40", colour, "-o", out+"/photo.heic")
}
