package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"gopkg.in/ini.v1"

	"dossier/storage"
)

// settings are where the server is and who we are there.
type settings struct {
	endpoint *url.URL
	region   string
	profile  Profile
	creds    *credentials.Credentials
}

// readSettings follows the order of the AWS tools: option, variable, profile
// in ~/.aws, default.
func readSettings(opts Options, env func(string) string) (settings, error) {
	aws, err := readAWSFile(env)
	if err != nil {
		return settings{}, err
	}
	var set settings
	kind, known := profileByName(opts.Profile)
	if opts.Profile != "" && !known {
		return settings{}, &storage.Error{Code: storage.Unsupported, Op: "open", Args: map[string]string{"what": "--store-profile " + opts.Profile}}
	}
	region := first(opts.Region, env("AWS_REGION"), env("AWS_DEFAULT_REGION"), aws.region)
	address := first(opts.Endpoint, env("AWS_ENDPOINT_URL_S3"), env("AWS_ENDPOINT_URL"), aws.endpoint)
	if address == "" && known && opts.Profile != "aws" && len(kind.hosts) > 0 && region != "" {
		address = strings.Replace(kind.Endpoint, "{region}", region, 1)
	}
	if address == "" {
		address = "https://s3.amazonaws.com"
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") || strings.Trim(u.Path, "/") != "" {
		return settings{}, &storage.Error{Code: storage.BadURL, Op: "open", Args: map[string]string{"url": "AWS_ENDPOINT_URL"},
			Err: errors.New("the server's address must look like https://host:port")}
	}
	if !known {
		kind = profileByHost(u.Hostname())
	}
	set.endpoint, set.profile = u, kind
	set.region = first(region, kind.regionOf(u.Hostname()))
	if set.region == "" && kind.Name != "aws" {
		set.region = "us-east-1" // what servers without regions expect in the signature
	}
	set.creds, err = findCredentials(aws, env)
	return set, err
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// findCredentials takes the first place that has a key: the variables, the
// profile, the role of a container or of a pod. There is no anonymous access.
func findCredentials(aws awsProfile, env func(string) string) (*credentials.Credentials, error) {
	var creds *credentials.Credentials
	switch {
	case env("AWS_ACCESS_KEY_ID") != "" && env("AWS_SECRET_ACCESS_KEY") != "":
		creds = credentials.NewEnvAWS()
	case aws.hasKey:
		creds = credentials.NewFileAWSCredentials("", aws.name)
	case env("AWS_WEB_IDENTITY_TOKEN_FILE") != "" || env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
		return credentials.NewIAM(""), nil // asks the network, so only when needed
	default:
		return nil, &storage.Error{Code: storage.NoCredentials, Op: "open", Args: map[string]string{"profile": aws.name}}
	}
	v, err := creds.GetWithContext(nil)
	if err != nil {
		return nil, storage.Fail(storage.NoCredentials, "open", "", err, map[string]string{"profile": aws.name})
	}
	if v.AccessKeyID == "" || v.SecretAccessKey == "" {
		return nil, &storage.Error{Code: storage.NoCredentials, Op: "open", Args: map[string]string{"profile": aws.name}}
	}
	return creds, nil
}

// awsProfile is one profile of ~/.aws/config and ~/.aws/credentials.
type awsProfile struct {
	name     string
	region   string
	endpoint string
	hasKey   bool // in some form that minio-go can use
}

// readAWSFile reads the profile that AWS_PROFILE names, or "default". Files
// that are not there are fine, unless AWS_PROFILE asks for them.
func readAWSFile(env func(string) string) (awsProfile, error) {
	p := awsProfile{name: first(env("AWS_PROFILE"), "default")}
	home, _ := os.UserHomeDir()
	config := first(env("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config"))
	creds := first(env("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials"))

	found := false
	for _, file := range []string{config, creds} {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return p, storage.Fail(storage.NoCredentials, "open", "", err, map[string]string{"profile": p.name})
		}
		has, err := p.read(b)
		if err != nil {
			return p, storage.Fail(storage.NoCredentials, "open", "", fmt.Errorf("%s: %w", file, err), map[string]string{"profile": p.name})
		}
		found = found || has
	}
	if !found && env("AWS_PROFILE") != "" {
		return p, &storage.Error{Code: storage.NoCredentials, Op: "open", Args: map[string]string{"profile": p.name}}
	}
	return p, nil
}

// read takes what it knows from one file in the AWS form of INI.
func (p *awsProfile) read(b []byte) (found bool, err error) {
	f, err := ini.LoadSources(ini.LoadOptions{AllowNestedValues: true, SkipUnrecognizableLines: true}, bytes.NewReader(b))
	if err != nil {
		// The error of the parser may quote a line with a secret in it.
		return false, errors.New("not in the form of an AWS configuration file")
	}
	for _, section := range []string{"profile " + p.name, p.name} {
		s, err := f.GetSection(section)
		if err != nil {
			continue
		}
		found = true
		p.region = first(s.Key("region").String(), p.region)
		p.endpoint = first(s.Key("endpoint_url").String(), p.endpoint)
		if services := s.Key("services").String(); services != "" {
			p.endpoint = first(serviceEndpoint(f, services), p.endpoint)
		}
		p.hasKey = p.hasKey || s.HasKey("aws_access_key_id") || s.HasKey("credential_process") || s.HasKey("sso_role_name")
	}
	return found, nil
}

// serviceEndpoint reads "s3 =\n  endpoint_url = …" of a [services NAME] section.
func serviceEndpoint(f *ini.File, name string) string {
	s, err := f.GetSection("services " + name)
	if err != nil {
		return ""
	}
	for _, line := range s.Key("s3").NestedValues() {
		if k, v, ok := strings.Cut(line, "="); ok && strings.TrimSpace(k) == "endpoint_url" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
