import { type ProgramScenario, programVariant } from '../src/scenario.ts'

/**
 * Question: what does a TLS handshake cost its server, and what does resumption save: CPU, bytes, round trips?
 *
 * Claims: 2.5a (resumption makes handshakes cheap), 2.5b (ALPN in order, no overlap ends it), 2.5d (what a resumed one skips).
 *
 * Method: the CPU of the server alone, for a resumed client saves as well and would hide what the server saves. Bounds, chosen
 * beforehand by what each handshake still computes. TLS 1.2 resumed has no asymmetric operation left: half at most, though
 * accepting and closing the connection stays. TLS 1.3 resumed makes a new key exchange all the same, so that what is recorded
 * today stays secret (PSK with (EC)DHE, RFC 8446, 2.2), and saves one signature of ECDSA P-256: less, and no ratio is promised.
 */
export const tlsHandshake: ProgramScenario = {
  name: '03-tls-handshake',
  question: 'What does a TLS handshake cost its server, and what does resumption save: CPU, bytes, round trips?',
  claims: ['2.5a', '2.5b', '2.5d'],
  method:
    'One process is the server, with the front, the gate and the tickets of variant tls of stage 3 and a certificate for ECDSA ' +
    'P-256; its own CPU time (getrusage) is divided by the handshakes that it completed. Clients are another process, eight ' +
    'connections at a time in a closed loop: connect, shake hands, read one byte, close. So the cost holds accepting and closing ' +
    'too; the arm tcp does the same without TLS and shows that part. The key exchange is X25519 with ML-KEM in TLS 1.3 and X25519 ' +
    'in TLS 1.2. Resumed: by ticket, one session for all connections. Bytes and round trips are those of one handshake that went ' +
    'through a relay, tickets included, without the headers of TCP; a round trip is a wait of the client before it may send.',
  program: {
    settings: { connections: 8 },
    warmupS: 2,
    durationS: 5,
    gives: {
      cpuUsPerHandshake: 'figures.cpuUsPerHandshake',
      handshakesPerSecond: 'figures.handshakesPerSecond',
      resumedRatio: 'figures.resumedRatio',
      handshakeBytes: 'figures.handshakeBytes',
      roundTrips: 'figures.roundTrips',
      rightChoices: 'figures.rightChoices',
    },
  },
  variants: [
    programVariant('1.3-full', 'tls-handshake', ['--tls', '1.3', '--mode', 'full']),
    programVariant('1.3-resumed', 'tls-handshake', ['--tls', '1.3', '--mode', 'resumed']),
    programVariant('1.2-full', 'tls-handshake', ['--tls', '1.2', '--mode', 'full']),
    programVariant('1.2-resumed', 'tls-handshake', ['--tls', '1.2', '--mode', 'resumed']),
    programVariant('tcp', 'tls-handshake', ['--tls', 'none', '--mode', 'full']),
  ],
  peers: [],
  decidedBy: 'cpuUsPerHandshake',
  expectations: [
    {
      claim: '2.5a',
      says: 'a resumed handshake of TLS 1.2 costs the server at most half of a full one',
      measure: 'cpuUsPerHandshake',
      variant: '1.2-resumed',
      ratioAtMost: 0.5,
      versus: '1.2-full',
    },
    {
      claim: '2.5a',
      says: 'a resumed handshake of TLS 1.3 costs the server less than a full one',
      measure: 'cpuUsPerHandshake',
      variant: '1.3-resumed',
      direction: 'lower',
      versus: '1.3-full',
    },
    {
      claim: '2.5a',
      says: 'clients that bring a ticket of TLS 1.3 are resumed',
      measure: 'resumedRatio',
      variant: '1.3-resumed',
      atLeast: 0.99,
    },
    {
      claim: '2.5a',
      says: 'clients that bring a ticket of TLS 1.2 are resumed',
      measure: 'resumedRatio',
      variant: '1.2-resumed',
      atLeast: 0.99,
    },
    {
      claim: '2.5b',
      says: 'h2 before http/1.1, the one in common, and a refusal where there is none: three of three clients',
      measure: 'rightChoices',
      variant: '1.3-full',
      atLeast: 3,
    },
    {
      claim: '2.5d',
      says: 'a full handshake of TLS 1.2 takes two round trips',
      measure: 'roundTrips',
      variant: '1.2-full',
      atLeast: 2,
    },
    {
      claim: '2.5d',
      says: 'a resumed one of TLS 1.2 takes one',
      measure: 'roundTrips',
      variant: '1.2-resumed',
      atMost: 1,
    },
    {
      claim: '2.5d',
      says: 'a full one of TLS 1.3 takes one already',
      measure: 'roundTrips',
      variant: '1.3-full',
      atMost: 1,
    },
    {
      claim: '2.5d',
      says: 'without certificate and signature a resumed handshake of TLS 1.2 has at most half the bytes',
      measure: 'handshakeBytes',
      variant: '1.2-resumed',
      ratioAtMost: 0.5,
      versus: '1.2-full',
    },
    {
      claim: '2.5d',
      says: 'one of TLS 1.3 has fewer as well, though the key exchange stays',
      measure: 'handshakeBytes',
      variant: '1.3-resumed',
      direction: 'lower',
      versus: '1.3-full',
    },
  ],
}
