// Package storagetest is what tests of stores share: one suite that every
// store passes ([Run]), real servers to run it against ([StartMinIO],
// [StartVersityGW]), a server that lies ([StartGoFakeS3]), and a proxy that
// breaks connections between us and them ([StartProxy]).
//
// The servers are built from Go modules at pinned versions, once, into the
// user's cache folder. Nothing is downloaded but through the go command.
package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"dossier/storage/internal/filelock"
	"dossier/storage/s3"
)

// program is a server that the go command can build.
type program struct {
	name    string
	module  string // path@version
	pkg     string // to build
	minutes string // how long it takes the first time
}

var (
	minioProgram = program{
		name: "minio", minutes: "3",
		module: "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c", pkg: "github.com/minio/minio",
	}
	versityProgram = program{
		name: "versitygw", minutes: "2",
		module: "github.com/versity/versitygw@v1.8.0", pkg: "github.com/versity/versitygw/cmd/versitygw",
	}
	gofakes3Program = program{
		name: "gofakes3", minutes: "1",
		module: "github.com/johannesboyne/gofakes3@v1.2.0", pkg: "github.com/johannesboyne/gofakes3/cmd/gofakes3",
	}
	mcProgram = program{
		name: "mc", minutes: "2",
		module: "github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9", pkg: "github.com/minio/mc",
	}
)

// MinIOClient is the path of MinIO's own client, mc, which the throughput of
// publishing is compared with.
func MinIOClient(t testing.TB) string {
	t.Helper()
	return mcProgram.build(t)
}

// build returns the path of the program, building it on first use.
func (p program) build(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("a place for test servers: %v", err)
	}
	_, version, _ := strings.Cut(p.module, "@")
	dir := filepath.Join(cache, "dossier", "testservers", p.name+"-"+version)
	exe := filepath.Join(dir, p.name)
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("a place for test servers: %v", err)
	}
	// Packages are tested by several processes at once: one of them builds.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatalf("a place for test servers: %v", err)
	}
	defer lock.Close()
	if err := filelock.Lock(lock); err != nil {
		t.Fatalf("a place for test servers: %v", err)
	}
	if _, err := os.Stat(exe); err == nil {
		return exe
	}
	fmt.Fprintf(os.Stderr, "building the test server %s from its Go module, about %s minutes, once: %s\n", p.module, p.minutes, exe)
	if err := p.compile(exe); err != nil {
		t.Fatalf("building %s: %v", p.module, err)
	}
	return exe
}

func (p program) compile(exe string) error {
	work, err := os.MkdirTemp("", "dossier-testserver-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	module, version, _ := strings.Cut(p.module, "@")
	made := exe + "." + filepath.Base(work) // a build that outlives its test does not meet the next one
	for _, args := range [][]string{
		{"mod", "init", "testserver"},
		{"get", p.pkg + "@" + version},
		{"build", "-o", made, p.pkg},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s (%s): %w\n%s", strings.Join(args, " "), module, err, tail(out))
		}
	}
	return os.Rename(made, exe)
}

func tail(out []byte) []byte {
	if len(out) > 2000 {
		return out[len(out)-2000:]
	}
	return out
}

// Server is a running S3 server on the loopback interface.
type Server struct {
	Endpoint  string // http://127.0.0.1:port, or https
	AccessKey string
	SecretKey string
	Dir       string // where its data is
	process   *process
}

// Env is the environment with which any S3 tool reaches the server.
func (s Server) Env() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_S3":   s.Endpoint,
		"AWS_ACCESS_KEY_ID":     s.AccessKey,
		"AWS_SECRET_ACCESS_KEY": s.SecretKey,
		"AWS_SESSION_TOKEN":     "",
		"AWS_REGION":            "us-east-1",
		"AWS_PROFILE":           "",
		// Nothing of the person who runs the tests may be used.
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

// Setenv sets Env for the test.
func (s Server) Setenv(t testing.TB) {
	t.Helper()
	for k, v := range s.Env() {
		t.Setenv(k, v)
	}
}

// NewBucket makes a bucket and returns its s3:// URL. It sets the environment
// of the test.
func (s Server) NewBucket(t testing.TB, objectLock bool) string {
	t.Helper()
	s.Setenv(t)
	address := "s3://t" + strings.ToLower(rand.Text())
	st, err := s3.Open(t.Context(), address, s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.MakeBucket(t.Context(), objectLock); err != nil {
		t.Fatal(err)
	}
	return address
}

// Put makes an object under a key of any form, as other people's tools do.
func (s Server) Put(ctx context.Context, bucket, key string, content []byte) error {
	c, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, "")})
	if err != nil {
		return err
	}
	_, err = c.PutObject(ctx, strings.TrimPrefix(bucket, "s3://"), key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
	return err
}

// Kill ends the server without giving it time for anything.
func (s Server) Kill() { s.process.kill() }

const (
	testAccessKey = "dossiertest"
	testSecretKey = "dossiertestsecret"
)

// virtualHosts are names under which MinIO takes the bucket from the host of a
// request, as the stores whose names they are do.
const virtualHosts = "s3.dualstack.eu-west-1.amazonaws.com,s3.oss-cn-hangzhou.aliyuncs.com,cos.ap-guangzhou.myqcloud.com,obs.cn-north-4.myhuaweicloud.com"

// TestKMSKey is the key that MinIO encrypts with when it is asked to.
const TestKMSKey = "dossier-test-key"

var minioEnv = []string{
	"MINIO_ROOT_USER=" + testAccessKey, "MINIO_ROOT_PASSWORD=" + testSecretKey, "MINIO_UPDATE=off", "MINIO_BROWSER=off", "MINIO_CI_CD=1",
	"MINIO_DOMAIN=" + virtualHosts, "MINIO_KMS_SECRET_KEY=" + TestKMSKey + ":ZG9zc2llciB0ZXN0IGtleSwgMzIgYnl0ZXMgbG9uZy4=",
}

// StartMinIO runs MinIO on a directory of its own until the end of the test. It
// can encrypt (SSE-S3, SSE-KMS with [TestKMSKey]).
func StartMinIO(t testing.TB) Server {
	t.Helper()
	return service{program: minioProgram, health: minioHealth, command: func(dir, address string) ([]string, []string) {
		return []string{"server", "--quiet", "--address", address, dir}, minioEnv
	}}.share(t)
}

const minioHealth = "/minio/health/cluster"

// StartTLSMinIO is StartMinIO with TLS, which SSE-C asks for. Its certificate is
// trusted by whoever reads the returned PEM file (SSL_CERT_FILE).
func StartTLSMinIO(t testing.TB) (srv Server, certFile string) {
	t.Helper()
	certs := t.TempDir()
	front := httptest.NewUnstartedServer(nil) // for its certificate
	front.StartTLS()
	defer front.Close()
	key, err := x509.MarshalPKCS8PrivateKey(front.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile = filepath.Join(certs, "public.crt")
	for file, block := range map[string]*pem.Block{
		certFile:                            {Type: "CERTIFICATE", Bytes: front.Certificate().Raw},
		filepath.Join(certs, "private.key"): {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	srv, stop := service{
		program: minioProgram, health: minioHealth, tls: front.Client().Transport,
		command: func(dir, address string) ([]string, []string) {
			return []string{"server", "--quiet", "--certs-dir", certs, "--address", address, dir}, minioEnv
		},
	}.start(t)
	t.Cleanup(stop)
	return srv, certFile
}

// StartVersityGW runs versitygw, whose Complete behaves as that of AWS. It
// keeps what it knows of objects in extended attributes of the temporary
// folder's file system.
func StartVersityGW(t testing.TB) Server {
	t.Helper()
	return service{program: versityProgram, health: "/", command: func(dir, address string) ([]string, []string) {
		data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
		for _, d := range []string{data, versions} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return []string{"--quiet", "--keep-alive", "--port", address, "--access", testAccessKey, "--secret", testSecretKey,
			"posix", "--versioning-dir", versions, data}, nil
	}}.share(t)
}

// StartGoFakeS3 runs gofakes3, which answers 200 and keeps other bytes, and
// looks at no signature.
func StartGoFakeS3(t testing.TB) Server {
	t.Helper()
	return service{program: gofakes3Program, health: "/", command: func(dir, address string) ([]string, []string) {
		return []string{"-backend", "memory", "-host", address, "-quiet"}, nil
	}}.share(t)
}

// shared are the servers that live until Main ends.
var shared struct {
	sync.Mutex
	active  bool
	servers map[string]Server
	stops   []func()
}

// Main runs the tests of a package with one server of each kind for all of
// them. Call it from TestMain: os.Exit(storagetest.Main(m)).
func Main(m *testing.M) int {
	shared.active, shared.servers = true, map[string]Server{}
	defer func() {
		for _, stop := range shared.stops {
			stop()
		}
	}()
	return m.Run()
}

// service is a program as it is run.
type service struct {
	program
	health  string            // path that answers once it is ready
	tls     http.RoundTripper // that trusts its certificate; nil: without TLS
	command func(dir, address string) (args, env []string)
}

// share starts the service, or returns the one that runs already.
func (sv service) share(t testing.TB) Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if s, ok := shared.servers[sv.name]; ok {
		return s
	}
	s, stop := sv.start(t)
	if shared.active {
		shared.servers[sv.name] = s
		shared.stops = append(shared.stops, stop)
	} else {
		t.Cleanup(stop)
	}
	return s
}

// start starts the service; the caller stops it.
func (sv service) start(t testing.TB) (s Server, stop func()) {
	t.Helper()
	exe := sv.build(t)
	dir, err := os.MkdirTemp("", "dossier-"+sv.name+"-")
	if err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		if s, err = sv.launch(exe, dir); err == nil {
			break
		}
		if try == 3 { // somebody else may have taken the port
			os.RemoveAll(dir)
			t.Fatalf("%s does not start: %v", sv.name, err)
		}
	}
	return s, func() {
		s.process.kill()
		os.RemoveAll(dir)
	}
}

func (sv service) launch(exe, dir string) (Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Server{}, err
	}
	address := l.Addr().String()
	l.Close()
	args, env := sv.command(dir, address)
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = dir
	log := &lastLines{}
	cmd.Stdout, cmd.Stderr = log, log
	endWithParent(cmd)
	p, err := spawn(cmd)
	if err != nil {
		return Server{}, err
	}
	endpoint := "http://" + address
	if sv.tls != nil {
		endpoint = "https://" + address
	}
	if err := p.await(endpoint+sv.health, sv.tls); err != nil {
		p.kill()
		return Server{}, fmt.Errorf("%w: %s", err, log)
	}
	return Server{Endpoint: endpoint, AccessKey: testAccessKey, SecretKey: testSecretKey, Dir: dir, process: p}, nil
}

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{}
}

func spawn(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.gone
}

// await waits until the server answers anything.
func (p *process) await(url string, transport http.RoundTripper) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: transport} // one that is taken in and forgotten is asked again
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode < 500 {
				return nil
			}
		}
		select {
		case <-p.gone:
			return errors.New("ended at once")
		case <-ctx.Done():
			return errors.New("does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lastLines keeps the end of a server's output for the error message.
type lastLines struct {
	mu sync.Mutex
	b  []byte
}

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	l.b = tail(l.b)
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}
