// Keeps a list live: reads it when the stream of changes opens, and applies each later change.

export type Stream<Change> = {
  opened: () => void;
  change: (change: Change) => void;
  lost: (problem: string) => void;
  ended: () => void;
};

/**
 * Opens the stream, and reopens it whenever it ends. The stream does not report earlier changes, so
 * `onOpened` reads the list again each time.
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
  // The changes since the start of the oldest running read, whose result may lack them.
  let recent: Change[] = [];

  function start() {
    close = open({
      opened() {
        generation += 1;
        const mine = generation;
        // A client answers a query by the result of an equal running query, which may be older than
        // the stream.
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
    // A random delay, so that not all clients reconnect at once after an outage.
    timer = setTimeout(start, 1000 + 2000 * Math.random());
  }

  start();
  return {
    close() {
      generation += 1;
      clearTimeout(timer);
      close();
    },
    /** Reads and shows the result. If the stream has been reopened meanwhile, drops it, since all is read again. */
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
