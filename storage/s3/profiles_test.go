package s3_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// What goes over the wire to each kind of server, chosen by its host, or by
// name where the host says nothing: a real publication to a real server that
// answers under that host's name.
func TestProfilesOverTheWire(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	for _, c := range []struct {
		endpoint    string // as the user writes it
		profile     string // --store-profile, or "" where the host is known
		want        string // the profile
		host        string // of the requests; {bucket} stands in front where the style is virtual-hosted
		region      string
		conditional bool // If-None-Match
		listV2      bool
		forbid      string // header of the server's own
	}{
		{endpoint: "http://s3.eu-west-1.amazonaws.com", want: "aws", host: "{bucket}.s3.dualstack.eu-west-1.amazonaws.com", region: "eu-west-1", conditional: true, listV2: true},
		{endpoint: "http://s3.oss-cn-hangzhou.aliyuncs.com", want: "aliyun-oss", host: "{bucket}.s3.oss-cn-hangzhou.aliyuncs.com", region: "cn-hangzhou", listV2: true, forbid: "X-Oss-Forbid-Overwrite"},
		{endpoint: "http://cos.ap-guangzhou.myqcloud.com", want: "tencent-cos", host: "{bucket}.cos.ap-guangzhou.myqcloud.com", region: "ap-guangzhou", forbid: "X-Cos-Forbid-Overwrite"},
		{endpoint: "http://obs.cn-north-4.myhuaweicloud.com", want: "huawei-obs", host: "{bucket}.obs.cn-north-4.myhuaweicloud.com", region: "cn-north-4"},
		{endpoint: "http://s3.cn-east-1.qiniucs.com", want: "qiniu", host: "s3.cn-east-1.qiniucs.com", region: "cn-east-1", listV2: true},
		{endpoint: "http://rgw.example.test", profile: "ceph", want: "ceph", host: "rgw.example.test", region: "us-east-1", conditional: true, listV2: true},
		{endpoint: "http://minio.example.test:9000", profile: "minio", want: "minio", host: "minio.example.test:9000", region: "us-east-1", conditional: true, listV2: true},
		{endpoint: "http://files.example.test", want: "generic", host: "files.example.test", region: "us-east-1", conditional: true, listV2: true},
	} {
		t.Run(c.want, func(t *testing.T) {
			bucket := srv.NewBucket(t, false)
			proxy := storagetest.StartProxy(t, srv, nil)
			w := &wire{}
			proxy.Plan(w.record)
			s3.DialTo(t, strings.TrimPrefix(proxy.Endpoint, "http://"))
			t.Setenv("AWS_ENDPOINT_URL_S3", c.endpoint)
			t.Setenv("AWS_REGION", "") // said by the host, or the default
			if c.want == "aws" {
				t.Setenv("AWS_REGION", c.region)
			}
			s, err := s3.Open(t.Context(), bucket, s3.Options{Profile: c.profile})
			if err != nil {
				t.Fatal(err)
			}
			if s.ProfileName() != c.want {
				t.Fatalf("profile %s", s.ProfileName())
			}
			p := storagetest.Example(t.TempDir(), "bundle", []byte("small"), storagetest.Random(1, 17*mib))
			done, err := storage.Publish(t.Context(), s, p)
			if err != nil {
				t.Fatal(err)
			}
			storagetest.CheckComplete(t, s, done.Key, p)
			if named := !strings.HasSuffix(done.Key, "/receipt.json"); named == c.conditional {
				t.Errorf("the receipt is called %s", done.Key)
			}

			name := strings.TrimPrefix(bucket, "s3://")
			host := strings.Replace(c.host, "{bucket}", name, 1)
			puts, completes, lists := 0, 0, 0
			for _, r := range w.requests {
				r.everywhere(t, host, c.region, host == c.host, name)
				switch {
				case strings.Contains(r.URL.Path, "/v1/probe/"): // tries forms that nothing else uses
				case r.Method == http.MethodPut && r.URL.Query().Has("partNumber"):
					r.digest(t)
				case storagetest.IsPut(r.Request):
					puts++
					r.digest(t)
					r.creates(t, c.conditional, c.forbid)
				case storagetest.IsComplete(r.Request):
					completes++
					r.creates(t, c.conditional, c.forbid)
				case r.Method == http.MethodGet && r.URL.Query().Has("prefix") && !r.URL.Query().Has("versions"):
					lists++
					if v2 := r.URL.Query().Get("list-type") == "2"; v2 != c.listV2 {
						t.Errorf("ListObjectsV2: %t", v2)
					}
				}
			}
			if puts < 5 || completes != 1 || lists == 0 {
				t.Errorf("%d puts, %d completions, %d lists were seen", puts, completes, lists)
			}
		})
	}
}

// wire keeps what goes over it.
type wire struct {
	mu       sync.Mutex
	requests []sent
}

type sent struct{ *http.Request }

func (w *wire) record(r *http.Request) storagetest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, sent{&http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: r.Header.Clone()}})
	return storagetest.None
}

// everywhere holds of each request.
func (r sent) everywhere(t *testing.T, host, region string, pathStyle bool, bucket string) {
	t.Helper()
	if r.Host != host {
		t.Errorf("%s %s: host %s", r.Method, r.URL, r.Host)
	}
	if inPath := r.URL.Path == "/"+bucket || strings.HasPrefix(r.URL.Path, "/"+bucket+"/"); inPath != pathStyle {
		t.Errorf("%s %s: the bucket in the path: %t", r.Method, r.URL, inPath)
	}
	if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "/"+region+"/s3/aws4_request") {
		t.Errorf("%s %s: signed for %s", r.Method, r.URL, auth)
	}
}

// digest holds of each body: its SHA-256 is signed and sent as the checksum, and
// there is no framing and no trailer.
func (r sent) digest(t *testing.T) {
	t.Helper()
	sum, err := hex.DecodeString(r.Header.Get("X-Amz-Content-Sha256"))
	if err != nil || len(sum) != 32 {
		t.Errorf("%s: X-Amz-Content-Sha256: %s", r.URL, r.Header.Get("X-Amz-Content-Sha256"))
	}
	if got := r.Header.Get("X-Amz-Checksum-Sha256"); got != base64.StdEncoding.EncodeToString(sum) {
		t.Errorf("%s: X-Amz-Checksum-Sha256: %s", r.URL, got)
	}
	for _, h := range []string{"X-Amz-Trailer", "X-Amz-Decoded-Content-Length", "Content-Encoding", "Transfer-Encoding"} {
		if v := r.Header.Get(h); v != "" {
			t.Errorf("%s: %s: %s", r.URL, h, v)
		}
	}
}

// creates holds of whatever makes an object.
func (r sent) creates(t *testing.T, conditional bool, forbid string) {
	t.Helper()
	want := ""
	if conditional {
		want = "*"
	}
	if got := r.Header.Get("If-None-Match"); got != want {
		t.Errorf("%s: If-None-Match: %q", r.URL, got)
	}
	for _, h := range []string{"X-Oss-Forbid-Overwrite", "X-Cos-Forbid-Overwrite"} {
		if got := r.Header.Get(h); got != map[bool]string{true: "true"}[h == forbid] {
			t.Errorf("%s: %s: %q", r.URL, h, got)
		}
	}
}

// Every profile that may be named is in the documentation of the package.
func TestProfilesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("s3.go")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, p := range s3.Profiles {
		if p.Name != s3.TestProfile && !strings.Contains(text, fmt.Sprintf("//\t%s ", p.Name)) {
			t.Errorf("%s is not in the table", p.Name)
		}
	}
}
