package server

import "echo.tv/server/coach"

// link is the adapter that viewers come by, as the coach wants to know it.
func (s *Server) link() coach.Link { return coach.Link{Kind: coach.Unknown} }
