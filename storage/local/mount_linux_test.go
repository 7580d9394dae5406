package local_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/storagetest"
)

// inside says that this process is the one that a test started in a mount
// namespace of its own.
const inside = "DOSSIER_TEST_INSIDE"

// rerun runs the calling test alone in a mount namespace, where it may mount.
func rerun(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		judgeMissing(t, "mount namespaces are not allowed here")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		judgeMissing(t, string(out))
	}
}

// judgeMissing skips, so that it is seen, or fails where all judges must be.
func judgeMissing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("DOSSIER_JUDGES") == "required" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// A disk that is really full: the error says so, nothing half-made stays, and
// when there is room again the same call succeeds.
func TestDiskFull(t *testing.T) {
	dir := os.Getenv(inside)
	if dir == "" {
		rerun(t)
		return
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Fatal(err)
	}
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	c := storagetest.FromSeed(1, 2<<20)
	if _, err := s.Create(t.Context(), "v1/big", c, storage.CreateOptions{}); storage.CodeOf(err) != storage.Full {
		t.Fatalf("Create: %v", err)
	}
	for l, err := range s.Leftovers(t.Context()) {
		t.Errorf("left over: %+v, %v", l, err)
	}
	for o, err := range s.List(t.Context(), "v1/") {
		t.Errorf("half-made: %+v, %v", o, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "v1/big", c, storage.CreateOptions{}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// The power goes out: the image of a live ext4 is copied at a moment while an
// object is being written, as a disk would be found, and mounted. Everything that Create had returned
// is there, whole; nothing under a final name is torn.
func TestPowerLoss(t *testing.T) {
	dir := os.Getenv(inside)
	if dir == "" {
		if os.Getuid() != 0 {
			judgeMissing(t, "only root can mount a disk image")
		}
		if _, err := exec.LookPath("mkfs.ext4"); err != nil {
			judgeMissing(t, "mkfs.ext4 is not installed")
		}
		rerun(t)
		return
	}
	image, live, found := filepath.Join(dir, "disk.img"), filepath.Join(dir, "live"), filepath.Join(dir, "found")
	for _, d := range []string{live, found} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 64<<20); err != nil {
		t.Fatal(err)
	}
	command(t, "mkfs.ext4", "-q", image)
	if !mounted(t, image, live) {
		return
	}
	s, err := local.Open(filepath.Join(live, "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	// Every few objects the power goes out: the image is copied while the
	// next ones are being written.
	acknowledged := map[string]storage.Content{}
	for round := range 4 {
		for i := range 15 {
			c := storagetest.FromSeed(uint64(100*round+i), 1000*(i+1))
			key := storage.BlobKey(c.SHA256)
			if _, err := s.Create(t.Context(), key, c, storage.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			acknowledged[key] = c
		}
		busy := make(chan error, 1)
		go func() {
			_, err := s.Create(t.Context(), fmt.Sprintf("v1/busy/%d", round), halting(storagetest.FromSeed(uint64(round), 3<<20)), storage.CreateOptions{})
			busy <- err
		}()
		after := filepath.Join(dir, fmt.Sprintf("after-%d.img", round))
		time.Sleep(rand.N(200 * time.Millisecond))
		snapshot(t, image, after)
		if err := <-busy; err != nil {
			t.Fatal(err)
		}
		if !mounted(t, after, found) {
			return
		}
		checkFound(t, filepath.Join(found, "store"), acknowledged)
		command(t, "umount", found)
	}
}

func checkFound(t *testing.T, dir string, acknowledged map[string]storage.Content) {
	t.Helper()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for key, c := range acknowledged {
		if err := storage.Verify(t.Context(), s, key, c.Bytes, c.SHA256); err != nil {
			t.Errorf("acknowledged, and now: %v", err)
		}
	}
	for o, err := range s.List(t.Context(), "v1/busy/") {
		if err != nil {
			t.Fatal(err)
		}
		var round uint64
		if _, err := fmt.Sscanf(o.Key, "v1/busy/%d", &round); err != nil {
			t.Fatal(err)
		}
		c := storagetest.FromSeed(round, 3<<20)
		if err := storage.Verify(t.Context(), s, o.Key, c.Bytes, c.SHA256); err != nil {
			t.Errorf("torn: %v", err)
		}
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// mounted mounts an image; containers often have no loop devices.
func mounted(t *testing.T, image, dir string) bool {
	t.Helper()
	out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput()
	if err != nil {
		judgeMissing(t, fmt.Sprintf("cannot mount an image: %s", out))
		return false
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	return true
}

// halting is a content that comes in three goes, with rests between them.
func halting(c storage.Content) storage.Content {
	open := c.Open
	c.Open = func() (storage.ReadAtCloser, error) {
		r, err := open()
		return &rests{ReadAtCloser: r, at: []int64{0, rand.N(c.Bytes), c.Bytes - 1}}, err
	}
	return c
}

type rests struct {
	storage.ReadAtCloser
	mu sync.Mutex
	at []int64 // offsets before which there is a rest
}

func (r *rests) ReadAt(b []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.at) > 0 && off+int64(len(b)) > r.at[0] {
		r.at = r.at[1:]
		time.Sleep(300 * time.Millisecond)
	}
	return r.ReadAtCloser.ReadAt(b, off)
}

// snapshot copies a disk as it is at one moment. A copy of what changes
// meanwhile is no state that a disk was ever in: it is taken again until a
// second reading finds the same.
func snapshot(t *testing.T, from, to string) {
	t.Helper()
	for range 200 {
		copyFile(t, from, to)
		if bytes.Equal(readFile(t, from), readFile(t, to)) {
			return
		}
	}
	t.Fatalf("%s never stood still", from)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}
