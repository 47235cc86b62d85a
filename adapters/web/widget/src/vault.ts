// What outlives a page: local (or session) storage, or this page's memory where the browser grants none.

export class Vault {
  private readonly memory = new Map<string, string>();
  private readonly watchers = new Set<(event: StorageEvent) => void>();

  constructor(
    private readonly namespace: string,
    private readonly storage: () => Storage = () => localStorage, // even to name it may be forbidden
  ) {}

  get<Value>(key: string): Value | null {
    const text = this.read(this.namespace + key);
    if (text === null) return null;
    try {
      return JSON.parse(text) as Value;
    } catch {
      return null;
    }
  }

  set(key: string, value: unknown): void {
    const [name, text] = [this.namespace + key, JSON.stringify(value)];
    try {
      this.storage().setItem(name, text);
      this.memory.delete(name);
    } catch {
      this.memory.set(name, text);
    }
  }

  remove(key: string): void {
    this.memory.delete(this.namespace + key);
    try {
      this.storage().removeItem(this.namespace + key);
    } catch {
      // there is none
    }
  }

  /** The keys that start with `prefix`. */
  keys(prefix: string): string[] {
    const names = new Set(this.memory.keys());
    try {
      const storage = this.storage();
      for (let i = 0; i < storage.length; i++) names.add(storage.key(i)!);
    } catch {
      // there is none
    }
    const wanted = [...names].filter((name) => name.startsWith(this.namespace + prefix));
    return wanted.map((name) => name.slice(this.namespace.length));
  }

  /** Calls back when another tab changed a key that starts with `prefix`. */
  watch(prefix: string, changed: () => void): void {
    const watcher = (event: StorageEvent) => {
      if (event.key === null || event.key.startsWith(this.namespace + prefix)) changed();
    };
    this.watchers.add(watcher);
    addEventListener("storage", watcher);
  }

  close(): void {
    for (const watcher of this.watchers) removeEventListener("storage", watcher);
    this.watchers.clear();
  }

  private read(name: string): string | null {
    try {
      return this.memory.get(name) ?? this.storage().getItem(name);
    } catch {
      return this.memory.get(name) ?? null;
    }
  }
}
