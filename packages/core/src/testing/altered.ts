import type { Backend, Link } from '../backend.ts';

/** A backend some parts of whose links are others. */
export function altered(inner: Backend, alter: (link: Link) => Partial<Link>): Backend {
  return {
    name: inner.name,
    connect: async (identity) => {
      const link = await inner.connect(identity);
      const parts = alter(link);
      return new Proxy(link, {
        get: (_, name: keyof Link) => {
          if (name in parts) return parts[name];
          const part = link[name];
          return typeof part === 'function' ? part.bind(link) : part;
        },
      });
    },
  };
}

/** A part of a link some of whose methods are others. */
export function changed<Part extends object>(part: Part, methods: Partial<Part>): Part {
  return new Proxy(part, {
    get: (_, name) => {
      const own = methods[name as keyof Part] ?? part[name as keyof Part];
      return typeof own === 'function' ? own.bind(part) : own;
    },
  });
}
