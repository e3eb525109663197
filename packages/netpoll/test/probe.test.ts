import { probe } from '@qps/netpoll'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'qps-probe-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Says which backend was chosen and why, behind an echo that went through it. */
const program = `
  import { createPoller, probe } from '@qps/netpoll'
  await using poller = createPoller()
  const { port } = await poller.listen({ port: 0 }, (connection) => ({
    onData: (bytes, start, end) => void connection.write(bytes.slice(start, end)),
    onEnd: () => connection.end(),
    onClose() {},
  }))
  const echoed = await new Promise((resolve) => {
    const connection = poller.connect({ port }, {
      onOpen: () => void connection.write(Buffer.from('there and back')),
      onData: (bytes, start, end) => (resolve(Buffer.from(bytes.slice(start, end)).toString()), connection.end()),
      onEnd() {},
      onClose() {},
    })
  })
  console.log(JSON.stringify({ backend: poller.backend, reason: poller.reason, echoed, probe: probe() }))`

function run(argv: string[], environment: Record<string, string> = {}): Record<string, unknown> {
  const [command, ...rest] = [...argv, '--conditions=@qps/source', '--input-type=module', '--eval', program]
  const { stdout, stderr } = spawnSync(command!, rest, {
    cwd: new URL('.', import.meta.url),
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    timeout: 10_000,
  })
  expect(stdout, stderr).not.toBe('')
  return JSON.parse(stdout) as Record<string, unknown>
}

const node = process.execPath
const found = probe()

describe.skipIf(found.epoll !== undefined)('what is forbidden is not used, and the reason says so', () => {
  test('QPS_NETPOLL_FORBID=io_uring: epoll', () => {
    expect(run([node], { QPS_NETPOLL_FORBID: 'io_uring' })).toMatchObject({
      backend: 'epoll',
      reason: 'epoll: io_uring cannot be used here, QPS_NETPOLL_FORBID names it',
      echoed: 'there and back',
    })
  })

  test('QPS_NETPOLL_FORBID=io_uring,epoll: libuv', () => {
    expect(run([node], { QPS_NETPOLL_FORBID: 'io_uring,epoll' })).toMatchObject({
      backend: 'libuv',
      reason: 'libuv: QPS_NETPOLL_FORBID names it',
      echoed: 'there and back',
    })
  })

  test('FFI switched off: libuv', () => {
    expect(run([node, '--no-experimental-ffi'])).toMatchObject({
      backend: 'libuv',
      reason: 'libuv: node:ffi is switched off by --no-experimental-ffi',
      echoed: 'there and back',
    })
  })

  test('the permission model without --allow-ffi: libuv', () => {
    expect(run([node, '--permission', '--allow-fs-read=*', '--allow-net'])).toMatchObject({
      backend: 'libuv',
      reason: "libuv: node:ffi is forbidden by Node's permission model; --allow-ffi allows it",
      echoed: 'there and back',
    })
  })

  test('the permission model with --allow-ffi: as without the model', () => {
    const argv = [
      node,
      '--disable-warning=SecurityWarning',
      '--permission',
      '--allow-fs-read=*',
      '--allow-net',
      '--allow-ffi',
    ]
    expect(run(argv)).toMatchObject({ backend: found.io_uring === undefined ? 'io_uring' : 'epoll' })
  })

  const launcher = buildLauncher()
  test.skipIf(launcher === undefined)(
    `a seccomp filter that refuses io_uring, as Docker's does: epoll${launcher === undefined ? ' (needs cc: apt-get install gcc)' : ''}`,
    () => {
      const { reason, ...rest } = run([launcher!, node])
      expect(rest).toMatchObject({ backend: 'epoll', echoed: 'there and back' })
      expect(reason).toMatch(/^epoll: io_uring cannot be used here, the kernel refuses it \(EPERM\): /)
    },
  )
})

/** A program that forbids itself the calls 425 to 427 and then becomes another. seccomp(2), `linux/filter.h`. */
function buildLauncher(): string | undefined {
  const source = join(folder, 'forbid.c')
  const binary = join(folder, 'forbid')
  writeFileSync(
    source,
    `#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **words) {
  struct sock_filter steps[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 425, 0, 2),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 427, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = { sizeof steps / sizeof *steps, steps };
  if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) return 1;
  execv(words[1], words + 1);
  return 2;
}
`,
  )
  const { status } = spawnSync('cc', ['-o', binary, source], { timeout: 20_000 })
  return status === 0 ? binary : undefined
}
