package rtmp

// unwrap makes 64-bit milliseconds of 32-bit ones. OBS masks the top bit, so
// its clock wraps at 31 bits, after 24.8 days; others wrap at 32. A step is
// never taken for more than 12.4 days, so sound from just before a wrap may
// follow a picture from just after it.
type unwrap struct {
	started bool
	last    uint32
	now     int64
}

func (u *unwrap) next(ts uint32) int64 {
	if !u.started {
		u.started, u.last, u.now = true, ts, int64(ts)
		return u.now
	}
	const half = 1 << 30
	d := int64(int32(ts - u.last))
	switch {
	case d < -half:
		d += 1 << 31
	case d >= half:
		d -= 1 << 31
	}
	u.last = ts
	u.now += d
	return u.now
}
