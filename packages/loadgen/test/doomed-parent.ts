import { runLoadProcess } from '@qps/loadgen'

/* A program that is killed while its load process runs. Bounded, should the test itself be killed first. */
await runLoadProcess({ url: process.argv[2]!, connections: 2, durationS: 15 })
