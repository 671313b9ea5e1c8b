import type { Told } from "../api/types";

type Why = NonNullable<Told["why"]>;

/** Why a step failed, in the words that the host knows. */
export class StepError extends Error {
  constructor(readonly why: Why) {
    super(why);
  }
}

const PATIENCE = 8000; // ms; an answer takes 5 on a good Wi-Fi, and a phone wakes its radio in 300

/** Opens the socket that viewers watch over, says a word and waits for the echo. Answers with the milliseconds it took. */
export function echo(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const timer = setTimeout(() => end(() => reject(new StepError("silent"))), PATIENCE);
    let sent = 0;
    function end(then: () => void) {
      clearTimeout(timer);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      then();
    }
    socket.onopen = () => {
      sent = performance.now();
      socket.send(JSON.stringify({ ping: 1 }));
    };
    socket.onmessage = (e) => {
      if (String(e.data).includes('"pong"')) end(() => resolve(Math.max(1, Math.round(performance.now() - sent))));
    };
    socket.onclose = () => end(() => reject(new StepError("closed")));
  });
}
