// What keeps a list live: it is read when its stream of changes opens, and from then on each change is applied to it.

export type Stream<Change> = {
  opened: () => void;
  change: (change: Change) => void;
  lost: (problem: string) => void;
  ended: () => void;
};

/**
 * Opens the stream, and opens it again whenever it ends. It does not say what happened before it was open, so
 * `onOpened` reads the list anew each time.
 */
export function keepLive<Change>(
  open: (stream: Stream<Change>) => () => void,
  onOpened: () => Promise<void>,
  apply: (change: Change) => void,
  report: (problem: string) => void,
) {
  let close = () => {};
  let timer = 0;
  let generation = 0;
  let reads = 0;
  let finished: Promise<unknown> = Promise.resolve();
  // Since the oldest read that is under way: what is read may lack these changes.
  let recent: Change[] = [];

  function start() {
    close = open({
      opened() {
        generation += 1;
        const mine = generation;
        // Clients answer a query that equals one under way with that one's result, which may be older than the stream.
        finished.then(() => (mine === generation ? onOpened() : undefined)).catch(openLater);
      },
      change(change) {
        if (reads > 0) recent.push(change);
        apply(change);
      },
      lost: report,
      ended: openLater,
    });
  }

  function openLater() {
    close();
    clearTimeout(timer);
    // At random, so that not all clients come at once when the server is back.
    timer = setTimeout(start, 1000 + 2000 * Math.random());
  }

  start();
  return {
    close() {
      generation += 1;
      clearTimeout(timer);
      close();
    },
    /** Reads, and shows the result unless the stream has been opened anew since, after which all is read again. */
    async load<Result>(read: () => Promise<Result>, show: (result: Result) => void) {
      const mine = generation;
      reads += 1;
      try {
        const reading = read();
        finished = Promise.allSettled([finished, reading]);
        const result = await reading;
        if (mine !== generation) return;
        show(result);
        recent.forEach(apply);
      } finally {
        reads -= 1;
        if (reads === 0) recent = [];
      }
    },
  };
}
