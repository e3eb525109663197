import { type LoadOptions, runLoad } from '@qps/loadgen'
import { messageOf, QpsError } from '@qps/core'
import { readFileSync } from 'node:fs'
import { runCommand } from '../run-command.ts'
import type { CommandSpec, ParsedCommand } from '../command.ts'
import { formatNumber } from '../format.ts'
import { loadReport } from '../load-report.ts'
import { progressBar } from '../progress.ts'

const protocols = ['h1', 'h2', 'h3', 'grpc'] as const

const command: CommandSpec = {
  name: 'npm run load --',
  summary: 'Loads a URL. Closed loop, or open loop with --rate, whose latencies count from the intended start.',
  usage: 'URL [options]',
  positionals: { min: 1, max: 1 },
  options: {
    connections: { type: 'integer', short: 'c', value: 'N', default: 64, min: 1, max: 10_000, help: 'connections' },
    duration: { type: 'number', short: 'd', value: 'S', default: 10, min: 0.1, max: 3600, help: 'seconds' },
    rate: { type: 'number', value: 'QPS', min: 1, max: 10_000_000, help: 'open loop: requests per second offered' },
    pipeline: {
      type: 'integer',
      value: 'D',
      default: 1,
      min: 1,
      max: 1024,
      help: 'requests in flight per connection; with h2, h3 and grpc: streams',
    },
    threads: { type: 'integer', value: 'T', default: 1, min: 1, max: 64, help: 'threads that generate; h3: processes' },
    protocol: {
      type: 'string',
      value: 'P',
      default: 'h1',
      help: 'h1, h2, h3 (a UDP port, https:// only) or grpc (unary calls); https:// uses ALPN',
    },
    method: { type: 'string', short: 'm', value: 'M', help: 'request method (GET; grpc: always POST)' },
    body: { type: 'string', short: 'b', value: 'BODY', help: 'request body; grpc: the encoded message' },
    'grpc-bytes': {
      type: 'integer',
      value: 'N',
      min: 0,
      max: 1024 * 1024,
      help: 'grpc: instead, a message whose field 1 holds N bytes (0)',
    },
    header: { type: 'string', short: 'H', value: "'K: V'", multiple: true, help: 'request header; grpc: metadata' },
    cacert: { type: 'string', value: 'FILE', help: 'https: authorities to trust, PEM' },
    insecure: { type: 'boolean', help: 'https: take any certificate' },
    json: { type: 'boolean', help: 'the result as one JSON object' },
  },
  examples: [
    'npm run load -- http://127.0.0.1:8080/ -c 64 -d 5',
    'npm run load -- http://127.0.0.1:8080/ --rate 5000',
    "npm run load -- 'http://127.0.0.1:8080/items/[1-10000]'",
    'npm run load -- http://127.0.0.1:50051/qps.v1.Workload/Echo --protocol grpc -c 1 --pipeline 100 --grpc-bytes 64',
    'npm run load -- https://127.0.0.1:8081/ --protocol h3 --insecure --pipeline 10',
  ],
}

await runCommand(command, process.argv.slice(2), async (typed) => {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  const options = loadOptions(typed)
  const bar = progressBar('loading', options.durationS!)
  const result = await runLoad({
    ...options,
    signal: stop.signal,
    onProgress: ({ elapsedS, qps, errors }) => bar.update(elapsedS, `${formatNumber(qps)} QPS, errors ${errors}`),
  }).finally(() => bar.stop())
  process.stdout.write(`${typed.flag('json') ? JSON.stringify(result) : loadReport(result)}\n`)
})

function loadOptions(typed: ParsedCommand): LoadOptions {
  const protocol = protocols.find((known) => known === typed.text('protocol'))
  if (protocol === undefined) {
    throw new QpsError('QPS_USAGE', `--protocol ${typed.text('protocol')} is not known`, {
      hint: `use one of ${protocols.join(', ')}`,
    })
  }
  const [rateQps, body, method] = [typed.number('rate'), typed.text('body'), typed.text('method')]
  const grpcBytes = typed.number('grpc-bytes')
  const cacert = typed.text('cacert')
  return {
    url: typed.positionals[0]!,
    protocol,
    connections: typed.number('connections')!,
    durationS: typed.number('duration')!,
    pipeline: typed.number('pipeline')!,
    threads: typed.number('threads')!,
    headers: headersOf(typed.list('header')),
    ...(rateQps === undefined ? {} : { rateQps }),
    ...(method === undefined ? {} : { method }),
    ...(body === undefined ? {} : { body }),
    ...(grpcBytes === undefined ? {} : { grpcBytes }),
    ...(cacert === undefined ? {} : { ca: textOf(cacert) }),
    ...(typed.flag('insecure') ? { insecure: true } : {}),
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new QpsError('QPS_USAGE', `--cacert ${file} cannot be read: ${messageOf(error)}`, {
      hint: 'name a file of certificates in PEM',
    })
  }
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: [string, string][] = lines.map((line) => {
    const colon = line.indexOf(':')
    if (colon < 1) throw new QpsError('QPS_USAGE', `-H needs 'Name: value', not ${JSON.stringify(line)}`)
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
  })
  return Object.fromEntries(headers)
}
