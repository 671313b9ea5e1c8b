package coach

import "hash/maphash"

// silence tells digital silence from sound without decoding; see the package
// comment for how far that goes.
type silence struct {
	seen [2]uint64 // the last two different units
}

var seed = maphash.MakeSeed()

// hears reports whether unit, one of a track of that many channels, is silent.
func (s *silence) hears(unit []byte, channels int) bool {
	sum := maphash.Bytes(seed, unit)
	again := sum == s.seen[0] || sum == s.seen[1]
	if !again {
		s.seen = [2]uint64{sum, s.seen[0]}
	}
	return again || len(unit) <= smallest(channels)
}

// smallest is the size up to which a unit can hold no sound: 6 bytes were
// measured for two channels, 178 for the faintest noise in them.
func smallest(channels int) int { return 4 + 4*channels }
