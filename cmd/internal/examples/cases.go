package main

import "fmt"

// example is one worked case: what stands in its folder beside case.yaml.
type example struct {
	name  string
	files []file
}

func cases() []example {
	return []example{
		{"weibo_enterprise", weiboEnterprise()},
		{"wecom_account", wecomAccount()},
		{"wechat_oa", wechatOA()},
		{"weibo_video", weiboVideo()},
		{"douyin_employee", douyinEmployee()},
		{"incomplete_wechat_oa", incompleteWechatOA()},
	}
}

const (
	tencent = "深圳市腾讯计算机系统有限公司"
	weibo   = "北京微梦创科网络技术有限公司"
	douyin  = "北京抖音科技有限公司"
)

func photoOf(paper func() *canvas, s shot) func() ([]byte, error) {
	return func() ([]byte, error) { return s.jpeg(paper()) }
}

func heicOf(paper func() *canvas, s shot) func() ([]byte, error) {
	return func() ([]byte, error) { return s.heic(paper()) }
}

func portrait(p person) func() *canvas { return func() *canvas { return portraitSide(p) } }
func emblem(p person) func() *canvas   { return func() *canvas { return emblemSide(p) } }

func scanOf(seed uint64, pages func() []*canvas) func() ([]byte, error) {
	return func() ([]byte, error) { return scanPDF(seed, pages()...) }
}

func zipOf(day string, members ...member) func() ([]byte, error) {
	return func() ([]byte, error) { return archive(day, false, members...) }
}

func weiboEnterprise() []file {
	a := account{"微博", weibo, "微博昵称", "测试虚构官方微博", "UID", "1000000001", "weibo@example.com"}
	return []file{
		{"materials/营业执照副本.jpg", photoOf(licence, shot{seed: 101, w: 1760, h: 1320, desk: oak, turn: 1.2, lean: 0.035, fill: 0.93, light: -0.8, shade: 0.10, orientation: 6, gps: true, taken: "2026:11:15 15:20:11"})},
		{"materials/法人身份证人像面.jpg", photoOf(portrait(legalRep), shot{seed: 102, w: 1760, h: 1320, desk: slate, turn: -1.6, lean: 0.03, fill: 0.90, light: 0.7, shade: 0.08, orientation: 8, taken: "2026:11:15 15:24:40"})},
		{"materials/法人身份证国徽面.heic", heicOf(emblem(legalRep), shot{seed: 103, w: 1760, h: 1320, desk: slate, turn: 1.1, lean: 0.02, fill: 0.90, light: 0.6, taken: "2026:11:15 15:25:02"})},
		{"materials/绑定手机截图.png", screen{title: "账号与安全", accent: weiboOrange, groups: []group{
			{"账号", []row{{"昵称", "测试虚构官方微博", ""}, {"UID", "1000000001", ""}, {"认证", "企业认证（蓝V）", ""}, {"认证主体", "测试虚构（样本）科技…", ""}}},
			{"绑定", []row{{"绑定手机", "138****8000", ""}, {"绑定邮箱", "weibo@example.com", ""}, {"登录密码", "已设置", ""}}},
		}, note: "绑定手机可用于登录和找回账号。"}.phone},
		{"materials/自动续费已关闭.png", screen{title: "自动续费管理", accent: weiboOrange, banner: "当前没有开通中的自动续费", groups: []group{
			{"会员", []row{{"微博会员", "已关闭", ""}, {"自动续费", "", "off"}}},
			{"推广", []row{{"粉丝头条", "未开通", ""}, {"广告推广服务", "已关闭", ""}, {"自动续费", "", "off"}}},
		}, note: "最近一次扣费：2026 年 9 月 1 日。关闭时间：2026 年 11 月 10 日。"}.phone},
		{"materials/注销申请函-盖章扫描件.pdf", scanOf(111, func() []*canvas {
			return []*canvas{
				application(a, "", "营业执照副本复印件", "法定代表人身份证（人像面、国徽面）", "账号绑定手机截图"),
				attachments([][2]string{{"1", "营业执照副本（照片）"}, {"2", "法定代表人身份证人像面（照片）"}, {"3", "法定代表人身份证国徽面（照片）"}, {"4", "账号绑定手机截图"}, {"5", "自动续费已关闭截图"}}),
			}
		})},
		{"backups/微博数据备份-20261112.zip", zipOf("2026-11-12",
			member{"posts.csv", table("发布时间,内容,转发,评论,赞", 240, func(i int) string {
				return fmt.Sprintf("%s 10:%02d,样本微博 %d（内容虚构）,%d,%d,%d", daysFrom("2022-01-05", i*7), i%60, i+1, i%13, i%29, i%97)
			})},
			member{"fans.csv", table("UID,昵称,关注时间", 320, func(i int) string {
				return fmt.Sprintf("20000%05d,样本粉丝%d,%s", i, i+1, daysFrom("2022-02-01", i*5))
			})},
			member{"messages.csv", table("时间,对方,内容", 80, func(i int) string {
				return fmt.Sprintf("%s 16:%02d,样本客户%d,咨询样本产品（虚构）", daysFrom("2024-01-08", i*12), i%60, i%17)
			})},
			member{"重要博文/2026-年度公告.html", article(1, "2026-01-08")},
		)},
	}
}

func wecomAccount() []file {
	return []file{
		{"materials/账号信息截图.png", screen{title: "个人信息", accent: wecomBlue, groups: []group{
			{"账号", []row{{"姓名", "样本丙", ""}, {"账号", "yangben_c", ""}, {"手机", "138****8000", ""}, {"邮箱", "staff@example.com", ""}}},
			{"所在企业", []row{{"企业", "测试虚构（样本）科技…", ""}, {"身份", "普通成员", ""}}},
		}, note: "你只加入了 1 个企业。"}.phone},
		{"materials/注销条件核对.png", screen{title: "注销账号", accent: wecomBlue, banner: "当前账号符合注销条件", groups: []group{
			{"注销条件", []row{{"账号处于安全状态", "已满足", ""}, {"只加入一个企业或团队", "已满足", ""}, {"不是创建人或超级管理员", "已满足", ""}}},
			{"注销后", []row{{"冷静期", "15 天", ""}, {"冷静期内登录", "视为撤销申请", ""}}},
		}, note: "提交申请后请不要登录企业微信。"}.phone},
		{"materials/企业微信安全中心.png", screen{title: "企业微信安全中心", accent: wecomBlue, groups: []group{
			{"安全状态", []row{{"登录保护", "", "on"}, {"最近登录设备", "本机", ""}, {"风险提醒", "无", ""}}},
			{"账号", []row{{"冻结账号", "›", ""}, {"注销账号", "›", ""}}},
		}}.phone},
		// As made by a program on Chinese Windows: names in GBK.
		{"backups/企业微信数据备份.zip", func() ([]byte, error) {
			return archive("2026-11-14", true,
				member{"聊天记录/客户沟通.csv", table("时间,发送人,内容", 150, func(i int) string {
					return fmt.Sprintf("%s 09:%02d,样本丙,样本消息 %d（内容虚构）", daysFrom("2025-11-20", i*2), i%60, i+1)
				})},
				member{"聊天记录/工作群.csv", table("时间,发送人,内容", 90, func(i int) string {
					return fmt.Sprintf("%s 14:%02d,样本同事%d,样本消息 %d（内容虚构）", daysFrom("2026-01-04", i*3), i%60, i%5, i+1)
				})},
				member{"文件/项目说明（样本）.txt", "测试样本 SPECIMEN：内容虚构。\r\n"},
				member{"文件/通讯录.csv", table("姓名,部门", 24, func(i int) string { return fmt.Sprintf("样本同事%d,样本部门%d", i+1, i%4) })},
			)
		}},
	}
}

func officialAccount() account {
	return account{"微信公众平台", tencent, "公众号名称", "测试虚构服务号", "原始ID", "gh_0123456789ab", "ops@example.com"}
}

func wechatOA() []file {
	a := officialAccount()
	side := []string{"首页", "公众号设置", "功能权限", "微信支付", "流量主", "消息管理"}
	return []file{
		{"materials/营业执照.jpg", photoOf(licence, shot{seed: 201, w: 1760, h: 1320, desk: walnut, turn: -1.4, lean: 0.03, fill: 0.93, light: 0.8, shade: 0.09, orientation: 6, taken: "2026:11:16 09:41:05"})},
		{"materials/注销申请函-盖章扫描件.pdf", scanOf(211, func() []*canvas {
			return []*canvas{
				application(a, agent.name, "营业执照副本复印件", "法定代表人授权委托书", "经办人身份证"),
				attachments([][2]string{{"1", "营业执照（照片）"}, {"2", "法定代表人授权委托书（照片）"}, {"3", "经办人身份证人像面、国徽面"}, {"4", "法定代表人身份证人像面、国徽面"}, {"5", "商户注销、余额结清等页面截图"}}),
			}
		})},
		{"materials/法定代表人授权委托书.jpg", photoOf(func() *canvas { return authorisation(a, agent) }, shot{seed: 202, w: 1320, h: 1760, desk: oak, turn: 1.0, lean: 0.02, fill: 0.95, light: -0.7, shade: 0.07, orientation: 1, taken: "2026:11:16 09:43:30"})},
		{"materials/经办人身份证人像面.jpg", photoOf(portrait(agent), shot{seed: 203, w: 1760, h: 1320, desk: cloth, turn: 2.0, lean: 0.03, fill: 0.88, light: 0.5, shade: 0.08, orientation: 3, taken: "2026:11:16 09:45:12"})},
		{"materials/经办人身份证国徽面.jpg", photoOf(emblem(agent), shot{seed: 204, w: 1760, h: 1320, desk: cloth, turn: -1.2, lean: 0.02, fill: 0.89, light: 0.5, orientation: 6, taken: "2026:11:16 09:45:31"})},
		{"materials/法人身份证人像面.heic", heicOf(portrait(legalRep), shot{seed: 205, w: 1760, h: 1320, desk: walnut, turn: -0.9, lean: 0.03, fill: 0.90, light: -0.6, shade: 0.06, taken: "2026:11:16 09:47:01"})},
		{"materials/法人身份证国徽面.jpg", photoOf(emblem(legalRep), shot{seed: 206, w: 1760, h: 1320, desk: walnut, turn: 1.7, lean: 0.03, fill: 0.87, light: -0.6, orientation: 8, taken: "2026:11:16 09:47:20"})},
		{"materials/商户注销成功.png", screen{title: "商户平台", accent: wechatGreen, banner: "商户号已注销，协议已解除", groups: []group{
			{"商户号 1900000000（虚构）", []row{{"申请日期", "2026-10-26", ""}, {"注销日期", "2026-11-06", ""}, {"待处理退款", "0 笔", ""}, {"预支付订单", "0 笔", ""}}},
		}}.phone},
		{"materials/商户余额.png", screen{title: "账户余额", accent: wechatGreen, groups: []group{
			{"基本账户", []row{{"可用余额（元）", "0.00", ""}, {"不可用余额（元）", "0.00", ""}, {"最近提现", "2026-10-25 至对公账户", ""}}},
		}}.phone},
		{"materials/待结算收入.png", console{title: "流量主 · 结算", accent: wechatGreen, menu: side, chosen: 4,
			head: []string{"结算单", "周期", "金额（元）", "状态"},
			rows: [][]string{{"样本 2026-09", "9 月 1 日–30 日", "128.50", "已打款"}, {"样本 2026-10", "10 月 1 日–10 日", "36.20", "已打款"}},
			note: "待结算收入：0.00 元（2026-11-16）"}.page},
		{"materials/关联设置已清空.png", console{title: "公众号设置 · 关联设置", accent: wechatGreen, menu: side, chosen: 1,
			head: []string{"类别", "关联对象", "状态"},
			rows: [][]string{{"小程序", "—", "未关联"}, {"开放平台", "—", "未绑定"}, {"第三方平台授权", "—", "已全部取消"}, {"门店、卡券", "—", "未开通"}},
			note: "最近修改：2026-11-08"}.page},
		{"materials/停更声明.png", console{title: "停更声明（已发布 2026-10-16）", accent: wechatGreen, menu: side, chosen: 5,
			head: []string{"标题", "发布时间"},
			rows: [][]string{{"关于停止更新并注销本公众号的声明", "2026-10-16 10:00"}},
			note: "本公众号自即日起停止更新，并将于 2026 年 11 月申请注销。如有未尽事宜，请于 30 日内联系 ops@example.com。"}.page},
		{"materials/个人信息处理同意书.pdf", scanOf(221, func() []*canvas { return []*canvas{consent(legalRep, "微信公众号")} })},
		{"backups/articles-001.zip", zipOf("2026-11-12", articles(1, 96)...)},
		{"backups/articles-002.zip", zipOf("2026-11-12", articles(97, 41)...)},
		{"backups/user_list.csv", func() ([]byte, error) {
			return []byte(table("openid,关注时间,标签", 300, func(i int) string {
				return fmt.Sprintf("oSAMPLE%021d,%s,样本", i, daysFrom("2021-04-01", i*6))
			})), nil
		}},
		{"backups/interactions.zip", zipOf("2026-11-12", member{"messages-60d.csv", table("日期,openid,类型,内容", 180, func(i int) string {
			return fmt.Sprintf("%s,oSAMPLE%021d,留言,样本留言 %d（虚构）", daysFrom("2026-09-13", i/3), i%40, i+1)
		})})},
		{"backups/statistics.zip", zipOf("2026-11-12", member{"user_analysis.csv", table("日期,新增,取消,累积", 92, func(i int) string {
			return fmt.Sprintf("%s,%d,%d,%d", daysFrom("2026-08-12", i), i%9, i%4, 12000+i)
		})}, member{"article_analysis.csv", table("日期,阅读,分享", 92, func(i int) string {
			return fmt.Sprintf("%s,%d,%d", daysFrom("2026-08-12", i), 90+i%40, i%12)
		})})},
		{"backups/ad_income.csv", func() ([]byte, error) {
			return []byte(table("月份,曝光,点击,收入（元）", 36, func(i int) string {
				return fmt.Sprintf("%04d-%02d,%d,%d,%d.%02d", 2023+(10+i)/12, (10+i)%12+1, 4000+i*37, 60+i, 30+i, i)
			})), nil
		}},
		{"backups/pay_transactions.zip", zipOf("2026-11-12", member{"bill-2026.csv", table("交易时间,商户订单号,金额（元）,状态", 210, func(i int) string {
			return fmt.Sprintf("%s 11:%02d:00,SAMPLE%08d,%d.00,已结算", daysFrom("2026-01-02", i), i%60, i+1, 10+i%90)
		})})},
		{"backups/media_originals.zip", zipOf("2026-11-12", member{"cover-001.mp4", video("cover-001")}, member{"cover-002.mp4", video("cover-002")})},
		{"backups/ugc.csv", func() ([]byte, error) {
			return []byte(table("日期,用户,内容", 60, func(i int) string {
				return fmt.Sprintf("%s,样本用户%d,样本投稿 %d（虚构）", daysFrom("2024-03-01", i*9), i%11, i+1)
			})), nil
		}},
	}
}

func weiboVideo() []file {
	a := account{"微博视频号", weibo, "视频号名称", "测试虚构视频号", "UID", "1000000002", "video@example.com"}
	return []file{
		{"materials/法人授权书扫描件.pdf", scanOf(311, func() []*canvas {
			return []*canvas{
				authorisation(a, agent),
				attachments([][2]string{{"1", "经办人身份证人像面（照片）"}, {"2", "经办人身份证国徽面（照片）"}, {"3", "视频号管理页面截图"}}),
			}
		})},
		{"materials/经办人身份证人像面.jpg", photoOf(portrait(agent), shot{seed: 303, w: 1760, h: 1320, desk: oak, turn: -1.9, lean: 0.04, fill: 0.88, light: -0.5, shade: 0.09, orientation: 6, taken: "2026:11:17 14:02:50"})},
		{"materials/经办人身份证国徽面.heic", heicOf(emblem(agent), shot{seed: 304, w: 1760, h: 1320, desk: oak, turn: 0.8, lean: 0.03, fill: 0.90, light: -0.5, taken: "2026:11:17 14:03:10"})},
		{"materials/未提现收益.png", screen{title: "创作收益", accent: weiboOrange, groups: []group{
			{"收益", []row{{"可提现（元）", "0.00", ""}, {"结算中（元）", "0.00", ""}, {"最近提现", "2026-11-03", ""}}},
			{"合作", []row{{"MCN 机构", "未签约", ""}, {"进行中的商业合作", "0", ""}}},
		}}.phone},
		{"materials/应用授权管理.png", screen{title: "应用授权管理", accent: weiboOrange, banner: "没有已授权的第三方应用", groups: []group{
			{"安全中心", []row{{"第三方授权", "0 个", ""}, {"登录设备", "1 台", ""}, {"侵权投诉", "0 条未处理", ""}}},
		}, note: "更新于 2026 年 11 月 16 日。"}.phone},
		{"materials/视频号管理.png", screen{title: "视频号管理", accent: weiboOrange, groups: []group{
			{"视频号", []row{{"名称", "测试虚构视频号", ""}, {"UID", "1000000002", ""}, {"认证", "企业认证", ""}, {"状态", "正常", ""}}},
			{"服务", []row{{"停用服务", "›", ""}}},
		}}.phone},
		{"backups/videos.zip", zipOf("2026-11-13", member{"2025-样本视频-001.mp4", video("001")}, member{"2025-样本视频-002.mp4", video("002")}, member{"2026-样本视频-003.mp4", video("003")})},
		{"backups/interactions.csv", func() ([]byte, error) {
			return []byte(table("日期,播放,点赞,评论,转发", 181, func(i int) string {
				return fmt.Sprintf("%s,%d,%d,%d,%d", daysFrom("2026-05-17", i), 800+i*3, 40+i%30, i%17, i%9)
			})), nil
		}},
		{"backups/fan_portrait.csv", func() ([]byte, error) {
			return []byte(table("日期,性别,年龄段,占比", 91, func(i int) string {
				return fmt.Sprintf("%s,%s,%s,%d%%", daysFrom("2026-08-15", i), []string{"男", "女"}[i%2], []string{"18-24", "25-34", "35-44"}[i%3], 10+i%20)
			})), nil
		}},
		{"backups/content_library.zip", zipOf("2026-11-13", member{"草稿-001.mp4", video("draft 001")}, member{"说明.html", article(1, "2026-11-13")})},
	}
}

func douyinEmployee() []file {
	a := account{"抖音", douyin, "抖音昵称", "测试虚构员工号", "抖音号", "ceshi_yangben_c", "staff@example.com"}
	return []file{
		{"materials/营业执照副本.jpg", photoOf(licence, shot{seed: 401, w: 1760, h: 1320, desk: cloth, turn: 0.9, lean: 0.04, fill: 0.93, light: 0.6, shade: 0.10, orientation: 8, taken: "2026:11:18 10:12:44"})},
		{"materials/法人身份证正反面.jpg", photoOf(func() *canvas { return bothSides(legalRep) }, shot{seed: 402, w: 1320, h: 1760, desk: walnut, turn: -0.8, lean: 0.02, fill: 0.95, light: 0.7, shade: 0.07, orientation: 6, taken: "2026:11:18 10:14:02"})},
		{"materials/员工身份证人像面.heic", heicOf(portrait(employee), shot{seed: 403, w: 1760, h: 1320, desk: oak, turn: 1.3, lean: 0.02, fill: 0.91, light: -0.6, shade: 0.05, taken: "2026:11:18 10:20:15"})},
		{"materials/员工身份证国徽面.jpg", photoOf(emblem(employee), shot{seed: 404, w: 1760, h: 1320, desk: oak, turn: -2.1, lean: 0.03, fill: 0.88, light: -0.6, shade: 0.06, orientation: 3, taken: "2026:11:18 10:20:40"})},
		{"materials/员工劳动合同.pdf", scanOf(411, func() []*canvas { return contract(employee) })},
		{"materials/注销申请函.jpg", photoOf(func() *canvas {
			return application(a, "", "营业执照副本", "法定代表人身份证", "员工身份证", "劳动合同")
		}, shot{seed: 405, w: 1320, h: 1760, desk: slate, turn: 1.1, lean: 0.02, fill: 0.95, light: -0.8, shade: 0.08, orientation: 6, taken: "2026:11:18 10:30:00"})},
		{"materials/员工号主页.png", screen{title: "员工号管理", accent: douyinDark, groups: []group{
			{"账号", []row{{"昵称", "测试虚构员工号", ""}, {"抖音号", "ceshi_yangben_c", ""}, {"所属企业号", "测试虚构（样本）科技…", ""}, {"员工", "样本丙", ""}}},
			{"状态", []row{{"违规记录", "0 条", ""}, {"待结算款项（元）", "0.00", ""}, {"绑定小程序", "无", ""}}},
		}}.phone},
		{"materials/个人信息处理同意书.pdf", scanOf(421, func() []*canvas { return []*canvas{consent(employee, "抖音员工号")} })},
	}
}

// incompleteWechatOA is what people bring at first: a card that has run out, a
// licence, no letter.
func incompleteWechatOA() []file {
	return []file{
		{"materials/营业执照.jpg", photoOf(licence, shot{seed: 501, w: 1200, h: 900, desk: slate, turn: 2.2, lean: 0.04, fill: 0.92, light: 0.6, shade: 0.12, orientation: 6, taken: "2026:11:19 18:02:10"})},
		{"materials/法人身份证人像面.jpg", photoOf(portrait(expired), shot{seed: 502, w: 1200, h: 900, desk: walnut, turn: -2.5, lean: 0.05, fill: 0.86, light: -0.6, shade: 0.12, orientation: 1, taken: "2026:11:19 18:03:00"})},
		{"materials/法人身份证国徽面.jpg", photoOf(emblem(expired), shot{seed: 503, w: 1200, h: 900, desk: walnut, turn: 1.4, lean: 0.05, fill: 0.86, light: -0.6, orientation: 6, taken: "2026:11:19 18:03:20"})},
	}
}
