package server

import (
	"echo.tv/server/coach"
	"echo.tv/server/lan"
)

// link is the adapter that viewers come by, as the coach wants to know it: that
// of the address people are told.
func (s *Server) link() coach.Link {
	best, _ := s.lan.Now().Best()
	kinds := map[lan.Kind]coach.Kind{lan.Ethernet: coach.Wire, lan.WiFi: coach.Air}
	if kind, known := kinds[best.Kind]; known {
		return coach.Link{Kind: kind, Mbit: best.Mbit}
	}
	return coach.Link{Kind: coach.Unknown, Mbit: best.Mbit}
}
