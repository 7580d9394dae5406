package s3

import (
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7"
)

// Profile is what is known of one kind of server.
type Profile struct {
	Name string
	// Endpoint shows how the server's address looks; {region} is filled in.
	Endpoint string
	// NoConditional: If-None-Match is refused or not kept, so documents and
	// receipts are named by their digest.
	NoConditional bool
	// ListV1: ListObjectsV2 does not end.
	ListV1 bool
	// Tried: the suite of storagetest passes on it. The others rest on their
	// documentation.
	Tried bool

	hosts  []string       // the host is, or ends in "." and, one of these
	region *regexp.Regexp // its group is the region
	lookup minio.BucketLookupType
	// forbid is the server's own header for "do not overwrite". It is not kept
	// on buckets with versions, so it only helps.
	forbid string
}

// Profiles are the kinds of server, "generic" last.
var Profiles = []Profile{
	{
		Name: "aws", Endpoint: "https://s3.{region}.amazonaws.com",
		hosts: []string{"amazonaws.com", "amazonaws.com.cn"},
	},
	{
		Name: "aliyun-oss", Endpoint: "https://s3.oss-{region}.aliyuncs.com",
		hosts: []string{"aliyuncs.com"}, region: regexp.MustCompile(`^(?:s3\.)?oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$`),
		lookup: minio.BucketLookupDNS, NoConditional: true, forbid: "x-oss-forbid-overwrite",
	},
	{
		Name: "tencent-cos", Endpoint: "https://cos.{region}.myqcloud.com",
		hosts: []string{"myqcloud.com", "tencentcos.cn"}, region: regexp.MustCompile(`^cos\.([a-z0-9-]+)\.(?:myqcloud\.com|tencentcos\.cn)$`),
		lookup: minio.BucketLookupDNS, NoConditional: true, ListV1: true, forbid: "x-cos-forbid-overwrite",
	},
	{
		Name: "huawei-obs", Endpoint: "https://obs.{region}.myhuaweicloud.com",
		hosts: []string{"myhuaweicloud.com"}, region: regexp.MustCompile(`^obs\.([a-z0-9-]+)\.myhuaweicloud\.com$`),
		lookup: minio.BucketLookupDNS, NoConditional: true, ListV1: true,
	},
	{
		Name: "qiniu", Endpoint: "https://s3.{region}.qiniucs.com",
		hosts: []string{"qiniucs.com"}, region: regexp.MustCompile(`^s3[.-]([a-z0-9-]+)\.qiniucs\.com$`),
		lookup: minio.BucketLookupPath, NoConditional: true,
	},
	{Name: "ceph", Endpoint: "https://rgw.example.com", lookup: minio.BucketLookupPath},
	{Name: "minio", Endpoint: "https://minio.example.com:9000", lookup: minio.BucketLookupPath, Tried: true},
	{Name: "generic", Endpoint: "https://s3.example.com", Tried: true},
}

// profileByName returns the profile, or false.
func profileByName(name string) (Profile, bool) {
	for _, p := range Profiles {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

// profileByHost returns the profile whose host it is, else "generic".
func profileByHost(host string) Profile {
	host = strings.ToLower(host)
	for _, p := range Profiles {
		for _, h := range p.hosts {
			if host == h || strings.HasSuffix(host, "."+h) {
				return p
			}
		}
	}
	return Profiles[len(Profiles)-1]
}

// regionOf returns the region that the host's name says, or "".
func (p Profile) regionOf(host string) string {
	if p.region == nil {
		return ""
	}
	if m := p.region.FindStringSubmatch(strings.ToLower(host)); m != nil {
		return m[1]
	}
	return ""
}
