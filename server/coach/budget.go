package coach

// Kind is what carries the viewers' media.
type Kind string

// The kinds that make a difference to how much of a link is usable.
const (
	Wire    Kind = "ethernet"
	Air     Kind = "wifi"
	Unknown Kind = "unknown"
)

// Link is the adapter that viewers come by.
type Link struct {
	Kind Kind
	Mbit int // what it negotiated; 0 when the system does not say
}

// usable is the part of a link's rate that media can have. A cable loses 6 % to
// the headers of Ethernet, IP and TCP, and a little is for others. Wi-Fi gives
// at best 65 % of its rate, to everybody on the air together; half is what one
// may count on. Of what is neither, as much is assumed as of Wi-Fi.
func (l Link) usable() int {
	percent := 50
	if l.Kind == Wire {
		percent = 90
	}
	return l.Mbit * 1e6 / 100 * percent
}

// Basis is where a budget comes from.
type Basis string

// ByLink: from the link's speed. Measured: the link has carried that much, and
// may carry more. Nothing: neither is known.
const (
	ByLink   Basis = "link"
	Measured Basis = "measured"
	Nothing  Basis = "unknown"
)

// Budget is how many viewers a link carries.
type Budget struct {
	Link    Link
	Basis   Basis
	Carries int // bit/s of media; 0 when not known
	Used    int // bit/s, by all channels together
	Viewers int // how many of this channel it carries, if the other channels stay as they are; 0 when not known
	Near    bool
}

// A warning makes sense from near on, and ends below again.
const (
	near  = 0.80
	again = 0.70
)

// BudgetOf returns how many viewers of a channel of that bit rate link carries.
// used is what all channels send now, others the part of it that is not this
// channel's, and peak the most that was ever sent; all in bit/s.
func BudgetOf(link Link, bitrate, used, others, peak int) Budget {
	b := Budget{Link: link, Basis: ByLink, Carries: link.usable(), Used: used}
	switch {
	case b.Carries == 0 && peak == 0:
		b.Basis = Nothing
		return b
	case b.Carries == 0:
		b.Basis, b.Carries = Measured, peak
	}
	if bitrate > 0 {
		b.Viewers = max(0, b.Carries-others) / bitrate
	}
	b.Near = b.Basis == ByLink && float64(used) >= near*float64(b.Carries)
	return b
}

// line adds up what all channels send over the link, from one sample to the
// next.
type line struct {
	link      Link
	now, peak int  // bit/s: this sample's, and the most of any
	told      bool // that it is nearly full
}

func (l *line) begin(link Link) { l.link, l.now = link, 0 }

func (l *line) add(egress int) {
	l.now += egress
	l.peak = max(l.peak, l.now)
}

// full reports once that the link is nearly full, and again only after it was
// not for a while.
func (l *line) full() bool {
	carries := float64(l.link.usable())
	was := l.told
	l.told = carries > 0 && (float64(l.now) >= near*carries || (was && float64(l.now) >= again*carries))
	return l.told && !was
}

func (l *line) budget(bitrate, egress int) Budget {
	return BudgetOf(l.link, bitrate, l.now, l.now-egress, l.peak)
}
