export default {
  files: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
  typescript: {
    rewritePaths: {
      'packages/core/': 'packages/core/dist/',
      'packages/redis/': 'packages/redis/dist/',
      'packages/homeostat/': 'packages/homeostat/dist/',
      'examples/': 'examples/dist/',
      'test/': 'test/dist/',
    },
    compile: false,
  },
  timeout: '120s',
  workerThreads: false,
  concurrency: 3,
};
