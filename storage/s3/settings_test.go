package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dossier/storage"
)

func TestSettings(t *testing.T) {
	const (
		keys    = "[default]\naws_access_key_id = filekey\naws_secret_access_key = filesecret\n[other]\naws_access_key_id=otherkey\naws_secret_access_key=othersecret\naws_session_token=othertoken\n"
		config  = "[default]\nregion = eu-north-1\nendpoint_url = https://minio.lan:9000\n[profile other]\nregion = cn-east-1\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = https://rgw.lan\n  max_attempts = 3\ndynamodb =\n  endpoint_url = https://wrong.lan\n"
		envKeys = "AWS_ACCESS_KEY_ID=envkey AWS_SECRET_ACCESS_KEY=envsecret"
	)
	for name, c := range map[string]struct {
		env    string
		opts   Options
		config string
		keys   string

		endpoint, region, profile, access string
		code                              storage.Code
	}{
		"nothing":                      {code: storage.NoCredentials},
		"environment":                  {env: envKeys + " AWS_ENDPOINT_URL=http://a:1 AWS_REGION=r1", endpoint: "http://a:1", region: "r1", profile: "generic", access: "envkey"},
		"endpoint of s3 before the":    {env: envKeys + " AWS_ENDPOINT_URL=http://a:1 AWS_ENDPOINT_URL_S3=http://b:2", endpoint: "http://b:2", region: "us-east-1", profile: "generic", access: "envkey"},
		"option before environment":    {env: envKeys + " AWS_ENDPOINT_URL=http://a:1 AWS_REGION=r1", opts: Options{Endpoint: "https://c", Region: "r2"}, endpoint: "https://c", region: "r2", profile: "generic", access: "envkey"},
		"default region":               {env: envKeys + " AWS_ENDPOINT_URL=http://a:1 AWS_DEFAULT_REGION=r3", endpoint: "http://a:1", region: "r3", profile: "generic", access: "envkey"},
		"amazon":                       {env: envKeys + " AWS_REGION=eu-west-1", endpoint: "https://s3.amazonaws.com", region: "eu-west-1", profile: "aws", access: "envkey"},
		"amazon, region asked":         {env: envKeys, endpoint: "https://s3.amazonaws.com", region: "", profile: "aws", access: "envkey"},
		"files":                        {keys: keys, config: config, endpoint: "https://minio.lan:9000", region: "eu-north-1", profile: "generic", access: "filekey"},
		"files, profile":               {env: "AWS_PROFILE=other", keys: keys, config: config, endpoint: "https://rgw.lan", region: "cn-east-1", profile: "generic", access: "otherkey"},
		"environment before files":     {env: envKeys, keys: keys, config: config, endpoint: "https://minio.lan:9000", region: "eu-north-1", profile: "generic", access: "envkey"},
		"no such profile":              {env: envKeys + " AWS_PROFILE=nobody", keys: keys, code: storage.NoCredentials},
		"half a key":                   {keys: "[default]\naws_access_key_id = filekey\n", code: storage.NoCredentials},
		"oss by host":                  {env: envKeys + " AWS_ENDPOINT_URL=https://s3.oss-cn-hangzhou.aliyuncs.com", endpoint: "https://s3.oss-cn-hangzhou.aliyuncs.com", region: "cn-hangzhou", profile: "aliyun-oss", access: "envkey"},
		"oss by its own host":          {env: envKeys + " AWS_ENDPOINT_URL=https://oss-cn-beijing-internal.aliyuncs.com", endpoint: "https://oss-cn-beijing-internal.aliyuncs.com", region: "cn-beijing", profile: "aliyun-oss", access: "envkey"},
		"oss by name and region":       {env: envKeys + " AWS_REGION=cn-shanghai", opts: Options{Profile: "aliyun-oss"}, endpoint: "https://s3.oss-cn-shanghai.aliyuncs.com", region: "cn-shanghai", profile: "aliyun-oss", access: "envkey"},
		"cos":                          {env: envKeys + " AWS_ENDPOINT_URL=https://cos.ap-guangzhou.myqcloud.com", endpoint: "https://cos.ap-guangzhou.myqcloud.com", region: "ap-guangzhou", profile: "tencent-cos", access: "envkey"},
		"obs":                          {env: envKeys + " AWS_ENDPOINT_URL=https://obs.cn-north-4.myhuaweicloud.com", endpoint: "https://obs.cn-north-4.myhuaweicloud.com", region: "cn-north-4", profile: "huawei-obs", access: "envkey"},
		"kodo":                         {env: envKeys + " AWS_ENDPOINT_URL=https://s3-cn-east-1.qiniucs.com", endpoint: "https://s3-cn-east-1.qiniucs.com", region: "cn-east-1", profile: "qiniu", access: "envkey"},
		"name before host":             {env: envKeys + " AWS_ENDPOINT_URL=https://files.example.com AWS_REGION=r", opts: Options{Profile: "ceph"}, endpoint: "https://files.example.com", region: "r", profile: "ceph", access: "envkey"},
		"a host that looks like it":    {env: envKeys + " AWS_ENDPOINT_URL=https://aliyuncs.com.example.com", endpoint: "https://aliyuncs.com.example.com", region: "us-east-1", profile: "generic", access: "envkey"},
		"unknown profile":              {env: envKeys, opts: Options{Profile: "nas"}, code: storage.Unsupported},
		"an address without a scheme":  {env: envKeys + " AWS_ENDPOINT_URL=minio.lan:9000", code: storage.BadURL},
		"an address with a path":       {env: envKeys + " AWS_ENDPOINT_URL=https://minio.lan/bucket", code: storage.BadURL},
		"an address with a password":   {env: envKeys + " AWS_ENDPOINT_URL=https://me:hush@minio.lan", code: storage.BadURL},
		"a file that is no ini at all": {env: envKeys, config: "\x00[[[", endpoint: "https://s3.amazonaws.com", profile: "aws", access: "envkey"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
				"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
				t.Setenv(k, "")
			}
			dir := t.TempDir()
			t.Setenv("HOME", dir)
			t.Setenv("AWS_CONFIG_FILE", write(t, dir, "config", c.config))
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", write(t, dir, "credentials", c.keys))
			for _, kv := range strings.Fields(c.env) {
				k, v, _ := strings.Cut(kv, "=")
				t.Setenv(k, v)
			}
			set, err := readSettings(c.opts, os.Getenv)
			if storage.CodeOf(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if err != nil {
				if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "filesecret") {
					t.Errorf("a secret stands in the error: %v", err)
				}
				return
			}
			v, err := set.creds.GetWithContext(nil)
			if err != nil {
				t.Fatal(err)
			}
			if set.endpoint.String() != c.endpoint || set.region != c.region || set.profile.Name != c.profile || v.AccessKeyID != c.access {
				t.Errorf("%s %q %s %s", set.endpoint, set.region, set.profile.Name, v.AccessKeyID)
			}
			if c.access == "otherkey" && v.SessionToken != "othertoken" {
				t.Error("no session token")
			}
		})
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if text == "" {
		return file
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestParseURL(t *testing.T) {
	for address, want := range map[string]string{
		"s3://bucket":            "bucket|",
		"s3://bucket/":           "bucket|",
		"s3://bucket/a/b":        "bucket|a/b/",
		"s3://bucket/a/b/":       "bucket|a/b/",
		"s3://my-bucket.cn/案":    string(storage.BadKey),
		"s3://bucket/a//b":       string(storage.BadKey),
		"s3://bucket/../x":       string(storage.BadKey),
		"s3://":                  string(storage.BadURL),
		"s3://ab/x":              string(storage.BadURL),
		"s3://-bucket-/x":        string(storage.BadURL),
		"s3:///prefix":           string(storage.BadURL),
		"https://bucket/x":       string(storage.BadURL),
		"s3://me:hush@bucket/x":  string(storage.BadURL),
		"s3://bucket:9000/x":     string(storage.BadURL),
		"s3://bucket/x?region=y": string(storage.BadURL),
		"s3://bucket/x#y":        string(storage.BadURL),
		"s3://buck et":           string(storage.BadURL),
		"s3://me:hush@buck et":   string(storage.BadURL),
	} {
		bucket, prefix, err := ParseURL(address)
		got := bucket + "|" + prefix
		if err != nil {
			got = string(storage.CodeOf(err))
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("%s: the password stands in the error: %v", address, err)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func FuzzAWSFile(f *testing.F) {
	f.Add([]byte("[default]\nregion = x\nservices = s\n[services s]\ns3 =\n  endpoint_url = https://a\n"))
	f.Add([]byte("[profile default]\naws_access_key_id=\n\"\"\"\n%(x)s"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := awsProfile{name: "default"}
		if _, err := p.read(b); err != nil && len(b) > 0 && strings.Contains(err.Error(), string(b)) {
			t.Error("the error repeats the file")
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{"version":1,"parts":{"1":{"sha256":"a","etag":"b"}}}`))
	s := &Store{bucket: "b"}
	c := storage.FromBytes([]byte("x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := loadUpload(memoryCheckpoint(b))
		if err != nil {
			t.Fatal(err)
		}
		if u.same(s.newUpload("v1/x", c)) && u.PartSize != partSize(c.Bytes) {
			t.Error("another part size")
		}
		believable(u, nil)
	})
}

type memoryCheckpoint []byte

func (m memoryCheckpoint) Load() ([]byte, error) { return m, nil }
func (memoryCheckpoint) Save([]byte) error       { return nil }
func (memoryCheckpoint) Note([]byte) error       { return nil }
func (memoryCheckpoint) Clear() error            { return nil }

// The parts of an upload are never more than S3 allows, and never smaller
// than 16 MiB.
func TestPartSize(t *testing.T) {
	for _, size := range []int64{1, 16 << 20, 16<<20 + 1, 2 << 30, 5 << 30, 150_000_000_000, 160_000_000_000, 600 << 30, 5 << 40} {
		p, n := partSize(size), partCount(size)
		if n > maxParts || p < 16<<20 || int64(n)*p < size || int64(n-1)*p >= size {
			t.Errorf("%d bytes: %d parts of %d", size, n, p)
		}
		if size <= 150_000_000_000 && p != 16<<20 {
			t.Errorf("%d bytes: parts of %d", size, p)
		}
	}
}
