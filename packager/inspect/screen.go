package inspect

import (
	"image"
	"slices"

	"dossier/packager"
)

// screens are the sizes, in pixels, of the screens that most phones and
// computers sold in China have; the shorter side first.
var screens = [][2]int{
	{640, 1136}, {750, 1334}, {828, 1792}, {1080, 1920}, {1080, 2340}, {1125, 2436}, {1170, 2532}, {1179, 2556}, {1206, 2622},
	{1242, 2208}, {1242, 2688}, {1260, 2736}, {1284, 2778}, {1290, 2796}, {1320, 2868},
	{720, 1280}, {720, 1440}, {720, 1520}, {720, 1560}, {720, 1600}, {720, 1612}, {1080, 2160}, {1080, 2220}, {1080, 2244},
	{1080, 2248}, {1080, 2280}, {1080, 2310}, {1080, 2312}, {1080, 2316}, {1080, 2376}, {1080, 2388}, {1080, 2392}, {1080, 2400},
	{1080, 2408}, {1080, 2412}, {1080, 2440}, {1080, 2460}, {1080, 2520}, {1152, 2376}, {1176, 2400}, {1200, 2640}, {1200, 2652},
	{1200, 2664}, {1200, 2670}, {1212, 2616}, {1216, 2640}, {1216, 2688}, {1220, 2712}, {1224, 2700}, {1228, 2700}, {1240, 2772},
	{1256, 2760}, {1260, 2720}, {1260, 2800}, {1264, 2780}, {1264, 2800}, {1268, 2756}, {1280, 2800}, {1312, 2848}, {1316, 2832},
	{1344, 2772}, {1440, 2560}, {1440, 2880}, {1440, 2960}, {1440, 3040}, {1440, 3088}, {1440, 3120}, {1440, 3168}, {1440, 3200}, {1440, 3216},
	{768, 1024}, {1536, 2048}, {1620, 2160}, {1640, 2360}, {1668, 2224}, {1668, 2388}, {2048, 2732}, {1600, 2560}, {1800, 2880}, {2064, 2752},
	{720, 1366}, {768, 1366}, {800, 1280}, {900, 1440}, {900, 1600}, {1050, 1680}, {1080, 2560}, {1200, 1920}, {1440, 3440},
	{1600, 2560}, {1664, 2560}, {1800, 3200}, {1864, 2880}, {1890, 3024}, {1964, 3024}, {2160, 3840}, {2234, 3456}, {2160, 3240}, {2880, 5120},
}

// screenshot reports whether a picture is a screen's own pixels: of the size
// of a screen, without the marks of a camera, and with many neighbouring
// pixels exactly or very nearly alike, as drawn areas are.
func screenshot(p *packager.Picture, img image.Image) bool {
	if p.HasGPS || !slices.Contains(screens, [2]int{min(p.Width, p.Height), max(p.Width, p.Height)}) {
		return false
	}
	return flatness(img) > 0.6
}

// flatness is the share of pixels that are like their left neighbour.
func flatness(img image.Image) float64 {
	b := img.Bounds()
	line := make([]uint8, b.Dx())
	row := lumaRow(img)
	same, all := 0, 0
	for y := 0; y < b.Dy(); y += 4 {
		row(y, line)
		for x := 1; x < len(line); x++ {
			if d := int(line[x]) - int(line[x-1]); d >= -1 && d <= 1 {
				same++
			}
			all++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(same) / float64(all)
}
