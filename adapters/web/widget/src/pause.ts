// Waiting between two tries: longer each time, never in step with others, and ended early by good news.

const FIRST_SECONDS = 0.5;
const LONGEST_SECONDS = 30;

/** Seconds to wait after the `failures`-th failure in a row (from 0): exponential, with jitter over its upper half. */
export function backoff(failures: number): number {
  const whole = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** failures);
  return whole * (0.5 + Math.random() / 2);
}

/** One pause at a time, which `end` cuts short. */
export class Pause {
  private wake: (() => void) | null = null;

  take(seconds: number): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), seconds * 1000);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    this.wake?.();
    this.wake = null;
  }
}
