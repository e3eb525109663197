import { runLoadProcess } from '@qps/loadgen'

/* A program that is killed while its load process runs, for a URL and a protocol. Bounded, should the test itself be killed first. */
const [, , url, protocol] = process.argv
const secure = protocol === 'h3' ? ({ protocol, insecure: true } as const) : {}
await runLoadProcess({ url: url!, connections: 2, durationS: 15, ...secure })
