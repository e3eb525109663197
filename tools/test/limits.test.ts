import { breakerLimits, breakerSetDefaults } from '@qps/breaker'
import { internDefaults, partsDefaults, watchDefaults } from '@qps/bytes'
import { budgetDefaults, traceLimits } from '@qps/context'
import { grpcLimits } from '@qps/grpc'
import { httpLimits } from '@qps/http-contract'
import { dispatcherDefaults } from '@qps/http1'
import { http2Limits } from '@qps/http2'
import { engineLimits } from '@qps/http2-netpoll'
import { loadLimits } from '@qps/loadgen'
import { pollerDefaults } from '@qps/netpoll'
import { bufferPoolDefaults, poolDefaults } from '@qps/pool'
import { profileLimits } from '@qps/profile'
import { channelDefaults } from '@qps/queue'
import { quicLimits } from '@qps/quic'
import { ownerMapDefaults, sharedMapDefaults } from '@qps/shared-map'
import { directDefaults } from '@qps/netpoll/zero-copy'
import { contextDefaults, frontDefaults, gateDefaults } from '@qps/tls'
import { storeDefaults, tracingDefaults } from '@qps/tracing'
import { workerPoolDefaults } from '@qps/workers'
import { readFileSync, writeFileSync } from 'node:fs'
import { format } from 'prettier'
import { expect, test } from 'vitest'

const file = new URL('../../ARCHITECTURE.md', import.meta.url)

/** Bounds that are no option of anybody: the constant's name and where it stands. */
const constants: [name: string, where: string, what: string][] = [
  ['reserveBytesMax', 'packages/netpoll/src/poller.ts', 'room that one reserve leases'],
  ['receiveBytesMax', 'packages/netpoll/src/options.ts', 'all receive buffers of a poller'],
  ['blockBytes', 'packages/netpoll/src/kernel/output-blocks.ts', 'bytes that one send carries'],
  ['ringSizes', 'packages/netpoll/src/io-uring/io-uring-poller.ts', 'entries of the two queues of a ring'],
  ['eventsMax', 'packages/netpoll/src/epoll/epoll-poller.ts', 'events that one look takes'],
  ['readsMax', 'packages/netpoll/src/epoll/epoll-poller.ts', 'reads of one connection in a row'],
  ['roundsMax', 'packages/netpoll/src/kernel/turns.ts', 'rounds of one turn, before timers get their share'],
  ['pipeBytes', 'packages/netpoll/src/zero-copy/pipes.ts', 'bytes of a file that are moved at once'],
  ['lastAcceptsMax', 'packages/netpoll/src/kernel/listener.ts', 'connections that a closing listener accepts'],
  ['returnsMax', 'packages/http2-netpoll/src/incoming-frames.ts', 'frames without content that answers make up for'],
  ['rememberedMax', 'packages/http2-netpoll/src/head-reader.ts', 'header blocks that a session recognizes'],
  ['keptMax', 'packages/http2-netpoll/src/block-writer.ts', 'header lists that a session keeps encoded'],
  ['headerBlockBytesMax', 'packages/http2-frames/src/header-block.ts', 'one header section, encoded'],
  ['continuationsMax', 'packages/http2-frames/src/header-block.ts', 'frames that continue one header section'],
  ['headerListBytesMax', 'packages/http2-frames/src/hpack/decoder.ts', 'one header section, decoded'],
  ['headerTableBytesMax', 'packages/http2-frames/src/hpack/decoder.ts', 'header table of one direction'],
  ['repliesMax', 'packages/loadgen/src/http2/session.ts', 'replies to PING and SETTINGS between two answers'],
  ['windowSlots', 'packages/bytes/src/intern-table.ts', 'slots that a get compares'],
  ['handSlotsMax', 'packages/bytes/src/intern-table.ts', 'slots that a miss looks at for room'],
  ['excerptBytesMax', 'packages/bytes/src/errors.ts', 'bytes of the input that an error shows'],
  ['helloBytesMax', 'packages/tls/src/front/client-hello.ts', 'a ClientHello'],
  ['sessionBytesMax', 'packages/tls/src/sessions/session-store.ts', 'a stored session of TLS 1.2'],
  ['fileBytesMax', 'packages/tls/src/certificate/watch-certificate.ts', 'a certificate or key file'],
  ['hostsMax', 'packages/tls/src/authority/hosts.ts', 'names in one certificate'],
  ['secretBytesMax', 'packages/tls/src/sessions/read-secret.ts', 'a file with the secret of tickets'],
  ['datagramsPerTurn', 'packages/quic/src/transport/quic-connection.ts', 'datagrams of one connection in a row'],
  ['helloDatagramsMax', 'packages/quic/src/transport/endpoint.ts', 'datagrams to an address that has not shown itself'],
  ['interimMax', 'packages/quic/src/h3/message-reader.ts', 'interim answers before an answer'],
  ['waitingMax', 'packages/quic/src/client/http3-client.ts', 'requests of a client that wait for a stream'],
  ['traceMax', 'packages/quic/src/client/http3-client.ts', 'steps of moves that a client remembers'],
  ['releasesPerLook', 'packages/pool/src/trimming.ts', 'releases between two looks at what nobody needs'],
  ['forgottenMax', 'packages/pool/src/development/watch.ts', 'forgotten leases that are reported'],
  ['partsMax', 'packages/pool/src/development/freshness.ts', 'fields of an object that are compared'],
  ['depthMax', 'packages/pool/src/development/freshness.ts', 'levels of an object that are compared'],
  ['threadsLimit', 'packages/workers/src/pool/options.ts', 'threads of one worker pool'],
  ['slotsMax', 'packages/workers/src/pool/slot-states.ts', 'tasks that one thread has at a time'],
  ['batchesMax', 'packages/workers/src/pool/batches.ts', 'batches that are under way to a thread, or back'],
  ['partsMax', 'packages/workers/src/pool/values.ts', 'parts of a value that travels as JSON'],
  ['valuesMax', 'packages/workers/src/pool/bytes-of.ts', 'values of an argument whose bytes are counted'],
  ['lettersMax', 'packages/workers/src/pool/thrown.ts', 'letters of an error that come back'],
  ['spinsMax', 'packages/shared-map/src/code/locks.ts', 'looks at a lock before a thread sleeps'],
  ['retriesMax', 'packages/shared-map/src/code/checked-read.ts', 'times that a read without a lock begins again'],
  ['roundsMax', 'packages/shared-map/src/shard-locks.ts', 'times that a waiter is woken in vain'],
  ['recordBytesMax', 'packages/queue/src/options.ts', 'a message that lies in its slot'],
  ['payloadBytesMax', 'packages/queue/src/options.ts', 'a message of a channel with a slab'],
  ['casesMax', 'packages/queue/src/select.ts', 'channels that are selected from'],
  ['messagesPerWake', 'packages/queue/src/channel.ts', 'messages of a batch before somebody is woken'],
  ['batchMax', 'packages/breaker/src/sliding-window.ts', 'successes of a thread that are not counted yet'],
  ['seriesMax', 'packages/metrics/src/request-metrics.ts', 'series of one metric'],
  ['pausesMax', 'packages/metrics/src/runtime-tally.ts', 'pauses that a worker tells of at a time'],
  ['methodsMax', 'packages/metrics/src/rpc-metrics.ts', 'methods that metrics of calls know by name'],
  ['maxConnections', 'packages/http/src/admin.ts', 'connections of the admin port'],
  ['refusalRoom', 'packages/http/src/guarded-server.ts', 'connections beyond the cap that are told so'],
  ['drainLimitMs', 'packages/console/src/stage/stage-run.ts', 'a drain, before what is left is cut'],
  ['itemsMax', 'stages/04-memory-pooling/src/catalogue.ts', 'items of a catalogue'],
  ['itemBytesMax', 'stages/04-memory-pooling/src/catalogue.ts', 'one item as JSON'],
  ['poolBytesMax', 'stages/04-memory-pooling/src/pooled.ts', 'buffers of answers that are under way'],
  ['targetsMax', 'stages/05-concurrency/src/trace-test.ts', 'requests that one POST /test makes'],
  ['testBytesMax', 'stages/05-concurrency/src/trace-test.ts', 'a body of POST /test'],
  ['requestBudgetMsMax', 'stages/05-concurrency/src/context/budgets.ts', 'what a client can ask for as its budget'],
  ['pendingMax', 'stages/05-concurrency/src/context/order.ts', 'orders whose payment is awaited'],
  ['workingMax', 'stages/05-concurrency/src/context/payment.ts', 'payments at a time'],
  ['questionsMax', 'stages/05-concurrency/src/context/supervisor.ts', 'questions that a process is asked at a time'],
  [
    'replacementsMax',
    'stages/05-concurrency/src/context/supervisor.ts',
    'processes that are started again in a minute',
  ],
  ['tracesMax', 'stages/05-concurrency/src/context/spans.ts', 'traces that are kept'],
  ['frameBytesMax', 'stages/05-concurrency/src/log/frames.ts', 'one message of the log'],
  ['recordsMax', 'stages/05-concurrency/src/log/message-log.ts', 'messages of a partition that nobody has committed'],
  ['clientsMax', 'stages/05-concurrency/src/log/log-server.ts', 'readers and writers of the log'],
  ['sessionBytesMax', 'stages/05-concurrency/src/shared-map/shop-maps.ts', 'the content of a session'],
  ['queueDefault', 'stages/05-concurrency/src/worker-pool/worker-pool.ts', 'pictures that wait'],
  ['rowsMax', 'packages/console/src/stage/drawing.ts', 'rows of a drawing'],
]

/** What a dispatcher's defaults bound; the others of them are switches. */
const clientBounds = Object.entries(dispatcherDefaults).flatMap(([name, value]) =>
  typeof value === 'number' ? [[name, String(value)] as const] : [],
)
/** Those of HTTP/3 alone. */
const quicBounds = Object.entries(quicLimits).filter(([name]) => !(name in httpLimits))
/** Those of HTTP/2 that HTTP/1.1 does not have; the others are the same. */
const http2Bounds = Object.entries(http2Limits).filter(([name]) => !(name in httpLimits))

/** Those that the engine's HTTP/2 counts itself. */
const engineBounds = Object.entries(engineLimits).filter(([name]) => !(name in http2Limits))

function table(): string {
  const rows = [
    ...Object.entries(httpLimits).map(([name, value]) => [name, String(value), 'packages/http-contract/src/limits.ts']),
    ...http2Bounds.map(([name, value]) => [name, String(value), 'packages/http2/src/limits.ts']),
    ...quicBounds.map(([name, value]) => [name, String(value), 'packages/quic/src/limits.ts']),
    ...engineBounds.map(([name, value]) => [name, String(value), 'packages/http2-netpoll/src/limits.ts']),
    ...Object.entries(loadLimits).map(([name, value]) => [name, rangeOf(value), 'packages/loadgen/src/options.ts']),
    ...clientBounds.map(([name, value]) => [name, value, 'packages/http1/src/client/options.ts']),
    ...Object.entries(pollerDefaults).map(([name, value]) => [name, String(value), 'packages/netpoll/src/options.ts']),
    ...numbersOf(directDefaults, 'packages/netpoll/src/zero-copy/options.ts'),
    ...numbersOf(poolDefaults, 'packages/pool/src/options.ts'),
    ...numbersOf(bufferPoolDefaults, 'packages/pool/src/options.ts'),
    ...numbersOf(workerPoolDefaults, 'packages/workers/src/pool/options.ts'),
    ...numbersOf(sharedMapDefaults, 'packages/shared-map/src/options.ts'),
    ...numbersOf(ownerMapDefaults, 'packages/shared-map/src/owner-map.ts'),
    ...numbersOf(channelDefaults, 'packages/queue/src/options.ts'),
    ...Object.entries(grpcLimits).map(([name, value]) => [name, String(value), 'packages/grpc/src/options.ts']),
    ...numbersOf(profileLimits, 'packages/profile/src/options.ts'),
    ...numbersOf(traceLimits, 'packages/context/src/options.ts'),
    ...numbersOf(budgetDefaults, 'packages/context/src/options.ts'),
    ...numbersOf(tracingDefaults, 'packages/tracing/src/options.ts'),
    ...numbersOf(storeDefaults, 'packages/tracing/src/options.ts'),
    ...numbersOf(breakerLimits, 'packages/breaker/src/options.ts'),
    ...numbersOf(breakerSetDefaults, 'packages/breaker/src/breaker-set.ts'),
    ...numbersOf(internDefaults, 'packages/bytes/src/options.ts'),
    ...numbersOf(partsDefaults, 'packages/bytes/src/options.ts'),
    ...numbersOf(watchDefaults, 'packages/bytes/src/options.ts'),
    ...numbersOf(gateDefaults, 'packages/tls/src/front/handshake-gate.ts'),
    ...numbersOf(frontDefaults, 'packages/tls/src/front/tls-front.ts'),
    ...numbersOf(contextDefaults, 'packages/tls/src/context.ts'),
    ...constants.map(([name, where, what]) => [name, what, where]),
  ]
  const lines = rows.map(([name, value, where]) => `| \`${name}\` | ${value} | [${where}](${where}) |`)
  return ['| bound | value | where |', '| --- | --- | --- |', ...lines].join('\n')
}

/** The bounds among defaults; the others of them are switches and names. */
function numbersOf(defaults: object, where: string): string[][] {
  const numbers = Object.entries(defaults).filter(([, value]) => typeof value === 'number')
  return numbers.map(([name, value]) => [name, String(value), where])
}

function rangeOf(value: number | { min: number; max: number }): string {
  return typeof value === 'number' ? `at most ${value}` : `${value.min} to ${value.max}`
}

test('ARCHITECTURE.md lists every bound with its value (UPDATE=1 npm test -- tools writes it)', async () => {
  const text = readFileSync(file, 'utf8')
  const filled = text.replace(/(<!-- limits -->).*(<!-- \/limits -->)/s, `$1\n\n${table()}\n\n$2`)
  const formatted = await format(filled, { parser: 'markdown', semi: false, singleQuote: true, printWidth: 120 })
  if (process.env['UPDATE'] === '1') writeFileSync(file, formatted)
  expect(readFileSync(file, 'utf8')).toBe(formatted)
})

test('the constants that it names exist', () => {
  for (const [name, where] of constants) {
    expect(readFileSync(new URL(`../../${where}`, import.meta.url), 'utf8'), where).toContain(name)
  }
})
