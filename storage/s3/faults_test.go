package s3_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

const mib = 1 << 20

// behind opens a store on a new bucket of srv, through a proxy.
func behind(t testing.TB, srv storagetest.Server, opts s3.Options) (*s3.Store, *storagetest.Proxy) {
	t.Helper()
	url := srv.NewBucket(t, false)
	p := storagetest.StartProxy(t, srv, nil)
	p.Setenv(t)
	opts.RetryUnit = 5 * time.Millisecond
	s, err := s3.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, p
}

// stall is how long a connection may stand still in tests that let it. It must
// be longer than a busy machine takes for a part.
const stall = time.Second

// A single fault on any request of an upload is survived, on a server that
// forgets an upload once it is complete, and on one that does not.
func TestOneFaultIsSurvived(t *testing.T) {
	kinds := map[string]func(*http.Request) bool{
		"put": storagetest.IsPut, "initiate": storagetest.IsInitiate, "part": storagetest.IsPart, "complete": storagetest.IsComplete, "any": storagetest.IsAny,
	}
	faults := []storagetest.Fault{storagetest.Reset, storagetest.HalfSent, storagetest.Stall, storagetest.HalfAnswered, storagetest.LostAck,
		storagetest.InternalError, storagetest.SlowDown, storagetest.ExpiredToken, storagetest.DamagedRequest}
	for name, server := range map[string]func(testing.TB) storagetest.Server{"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW} {
		s, proxy := behind(t, server(t), s3.Options{Stall: stall})
		for kind, match := range kinds {
			for _, fault := range faults {
				if name != "minio" && (fault == storagetest.Stall || kind != "put" && kind != "complete") {
					continue // what the server does not take part in is tried once
				}
				if fault == storagetest.DamagedRequest && kind != "put" && kind != "part" {
					continue // XML with a bit turned is refused for good, as it must be
				}
				t.Run(fmt.Sprintf("%s/%s/%s", name, kind, fault), func(t *testing.T) {
					body := storagetest.Random(1, 1000)
					if kind != "put" && kind != "any" {
						body = storagetest.Random(2, 17*mib)
					}
					key := fmt.Sprintf("v1/test/%s-%s", kind, fault)
					before := proxy.Injected()[fault]
					proxy.Plan(storagetest.Once(fault, match))
					o, err := s.Create(t.Context(), key, storage.FromBytes(body), storage.CreateOptions{LookFirst: kind == "any"})
					if err != nil {
						t.Fatal(err)
					}
					if proxy.Injected()[fault] != before+1 {
						t.Fatal("the fault was not put in")
					}
					if err := storage.Verify(t.Context(), s, key, o.Bytes, o.SHA256); err != nil {
						t.Error(err)
					}
				})
			}
		}
		for _, fault := range []storagetest.Fault{storagetest.Reset, storagetest.Stall, storagetest.HalfAnswered, storagetest.InternalError, storagetest.LostAck} {
			t.Run(fmt.Sprintf("%s/read/%s", name, fault), func(t *testing.T) {
				body := storagetest.FromSeed(3, 3*mib)
				key := "v1/test/read-" + string(fault)
				proxy.Plan(nil)
				if _, err := s.Create(t.Context(), key, body, storage.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				proxy.Plan(storagetest.Once(fault, storagetest.IsGet))
				if err := storage.Verify(t.Context(), s, key, body.Bytes, body.SHA256); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A fault that does not go away ends with the code that says what it is, and
// nothing is stored.
func TestLastingFaults(t *testing.T) {
	now := time.Now()
	patient, first := behind(t, storagetest.StartMinIO(t), s3.Options{Attempts: 3, Now: func() time.Time { return now }})
	hasty, second := behind(t, storagetest.StartMinIO(t), s3.Options{Attempts: 2, Stall: stall})
	for fault, want := range map[storagetest.Fault]storage.Code{
		storagetest.Reset:          storage.Unreachable,
		storagetest.HalfSent:       storage.Unreachable,
		storagetest.Stall:          storage.Unreachable,
		storagetest.InternalError:  storage.Busy,
		storagetest.ClockSkew:      storage.ClockSkew,
		storagetest.ExpiredToken:   storage.TokenExpired,
		storagetest.DiskFull:       storage.Full,
		storagetest.DamagedRequest: storage.Checksum,
	} {
		for _, size := range []int{1000, 17 * mib} {
			t.Run(fmt.Sprintf("%s-%d", fault, size), func(t *testing.T) {
				s, proxy := patient, first
				if fault == storagetest.Stall {
					s, proxy = hasty, second
				}
				key := fmt.Sprintf("v1/test/lasting-%s-%d", fault, size)
				proxy.Plan(storagetest.Always(fault, func(r *http.Request) bool { return r.Method == http.MethodPut }))
				_, err := s.Create(t.Context(), key, storage.FromBytes(storagetest.Random(1, size)), storage.CreateOptions{})
				if storage.CodeOf(err) != want {
					t.Errorf("%v, want %s", err, want)
				}
				var e *storage.Error
				if errors.As(err, &e) && want == storage.ClockSkew && e.Args["minutes"] != "20" {
					t.Errorf("the difference of the clocks: %v", e.Args)
				}
				proxy.Plan(nil)
				if _, err := s.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("something was stored: %v", err)
				}
			})
		}
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	var mu sync.Mutex
	var waits []time.Duration
	s, proxy := behind(t, storagetest.StartMinIO(t), s3.Options{OnRetry: func(r s3.Retry) {
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, r.Wait)
	}})
	proxy.Plan(storagetest.Once(storagetest.RetryAfter, storagetest.IsPut))
	begin := time.Now()
	if _, err := s.Create(t.Context(), "v1/test/slow", storage.FromBytes([]byte("x")), storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 1 || waits[0] < time.Second || time.Since(begin) < time.Second {
		t.Errorf("waited %v", waits)
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := storagetest.Server{Endpoint: "http://" + l.Addr().String(), AccessKey: "someone", SecretKey: "a-secret-of-someone"}
	l.Close()
	nobody.Setenv(t)
	s, err := s3.Open(t.Context(), "s3://bucket", s3.Options{Attempts: 3, RetryUnit: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Create(t.Context(), "v1/x", storage.FromBytes(nil), storage.CreateOptions{})
	if storage.CodeOf(err) != storage.Unreachable {
		t.Errorf("nobody listens: %v", err)
	}
	if strings.Contains(err.Error(), nobody.SecretKey) {
		t.Error("the secret stands in the error")
	}
}

func TestRefusals(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	url := srv.NewBucket(t, false)
	for name, c := range map[string]struct {
		url    string
		access string
		secret string
		want   storage.Code
	}{
		"no bucket":    {"s3://nobody-made-this-bucket", srv.AccessKey, srv.SecretKey, storage.NoBucket},
		"wrong secret": {url, srv.AccessKey, "wrong-secret", storage.Denied},
		"wrong key":    {url, "nobody", srv.SecretKey, storage.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", c.access)
			t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
			s := openStore(t, c.url, false)
			_, err := s.Create(t.Context(), "v1/x", storage.FromBytes(nil), storage.CreateOptions{})
			if storage.CodeOf(err) != c.want {
				t.Errorf("Create: %v", err)
			}
			if _, err := s.Stat(t.Context(), "v1/x"); storage.CodeOf(err) != c.want {
				t.Errorf("Stat: %v", err)
			}
			for _, err := range s.List(t.Context(), "") {
				if storage.CodeOf(err) != c.want {
					t.Errorf("List: %v", err)
				}
			}
			if _, err := s.Probe(t.Context()); storage.CodeOf(err) != c.want {
				t.Errorf("Probe: %v", err)
			}
		})
	}
}
