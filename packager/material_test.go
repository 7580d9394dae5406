package packager

import "testing"

// TestStoredAt holds each orientation against what tag 274 says of the stored
// picture's row 0 and column 0 (CIPA DC-008, 4.6.4, table): where they are seen.
func TestStoredAt(t *testing.T) {
	const w, h = 3, 2 // as stored
	for o, seen := range map[int]struct{ row0, column0 string }{
		1: {"top", "left"}, 2: {"top", "right"}, 3: {"bottom", "right"}, 4: {"bottom", "left"},
		5: {"left", "top"}, 6: {"right", "top"}, 7: {"right", "bottom"}, 8: {"left", "bottom"},
		0: {"top", "left"}, 9: {"top", "left"},
	} {
		uw, uh := w, h
		if o >= 5 && o <= 8 {
			uw, uh = h, w
		}
		at := map[[2]int]bool{}
		for y := range uh {
			for x := range uw {
				sx, sy := StoredAt(o, x, y, uw, uh)
				if sx < 0 || sx >= w || sy < 0 || sy >= h || at[[2]int{sx, sy}] {
					t.Errorf("orientation %d: %d, %d is stored at %d, %d", o, x, y, sx, sy)
				}
				at[[2]int{sx, sy}] = true
				edge := map[string]bool{"top": y == 0, "bottom": y == uh-1, "left": x == 0, "right": x == uw-1}
				if (sy == 0) != edge[seen.row0] || (sx == 0) != edge[seen.column0] {
					t.Errorf("orientation %d: %d, %d of the upright picture is stored at %d, %d", o, x, y, sx, sy)
				}
			}
		}
	}
}
