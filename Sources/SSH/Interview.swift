internal import CSSH2
import Glibc

/// One keyboard-interactive authentication, on a thread of its own.
///
/// libssh2's callback must answer before it returns, and the one who is asked takes minutes. Answering with nothing and trying again would
/// cost a failed attempt, and a second one-time code. So libssh2 is called on a thread that stands still inside the callback until the
/// answers are there. Loop and thread take strict turns: while one runs the other waits, the session is never touched by both, and the loop
/// waits no longer than a call of libssh2 takes.
final class Interview {
    /// What the thread did with its turn.
    private enum Turn {
        case called(Int32), asked(KeyboardChallenge)
    }

    /// What libssh2 wants to be answered; nothing is to be called before ``answer(with:)``.
    private(set) var challenge: KeyboardChallenge?
    private var answers: [Secret] = []
    private var isOver = false
    private var call: (() -> Int32)?
    private var turn = Turn.called(0)
    private let threadsTurn = Baton()
    private let loopsTurn = Baton()
    private var thread = pthread_t()

    /// `nil` if the system has no thread to give.
    init?() {
        let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<Interview>.fromOpaque(argument).takeUnretainedValue().work() }
            return nil
        }
        // Unretained: end() waits for the thread.
        guard pthread_create(&thread, nil, body, Unmanaged.passUnretained(self).toOpaque()) == 0 else {
            isOver = true
            return nil
        }
    }

    deinit {
        end()
    }

    /// Gives the thread a turn: it makes `call`, or goes on with the one that stands still.
    ///
    /// - Returns: What `call` returned; `nil` if there is a challenge.
    func proceed(_ call: @escaping () -> Int32) -> Int32? {
        guard !isOver, challenge == nil else { return nil }
        self.call = call
        return takeTurn()
    }

    /// Takes the answers, one for each prompt, which are sent when ``proceed(_:)`` is called next.
    func answer(with answers: [Secret]) {
        precondition(answers.count == challenge?.prompts.count, "keyboard-interactive wants one answer for each prompt")
        self.answers = answers
        challenge = nil
    }

    /// Has a call that stands still come to its end, with empty answers, and ends the thread.
    ///
    /// The session's buffers must be abandoned before, unless nothing stands still.
    func end() {
        guard !isOver else { return }
        isOver = true
        answers = []
        if case .asked = turn { _ = takeTurn() }
        challenge = nil
        call = nil
        threadsTurn.pass()
        pthread_join(thread, nil)
    }

    private func takeTurn() -> Int32? {
        threadsTurn.pass()
        loopsTurn.await()
        switch turn {
        case .called(let code):
            answers = []
            return code
        case .asked(let challenge):
            self.challenge = challenge
            return nil
        }
    }
}

/// What runs on the thread.
extension Interview {
    private func work() {
        while true {
            threadsTurn.await()
            guard let call else { return }
            turn = .called(call())
            loopsTurn.pass()
        }
    }

    /// Stands still until there are answers.
    private func ask(_ challenge: KeyboardChallenge) -> [Secret] {
        if isOver || challenge.isEmpty { return [] }
        turn = .asked(challenge)
        loopsTurn.pass()
        threadsTurn.await()
        return answers
    }

    /// For libssh2, which finds the interview by way of its session's buffers and frees the answers when it has sent them.
    static let callback: Callback = { name, nameLength, instruction, instructionLength, count, prompts, responses, abstract in
        guard let interview = SessionCallbacks.buffers(abstract)?.interview else { return }
        let challenge = KeyboardChallenge(
            name: UnsafeRawBufferPointer(start: name, count: name == nil ? 0 : max(0, Int(nameLength))),
            instruction: UnsafeRawBufferPointer(start: instruction, count: instruction == nil ? 0 : max(0, Int(instructionLength))),
            prompts: UnsafeBufferPointer(start: prompts, count: prompts == nil ? 0 : max(0, Int(count))).map {
                (UnsafeRawBufferPointer(start: $0.text, count: Int($0.length)), $0.echo != 0)
            })
        for (index, answer) in interview.ask(challenge).enumerated() {
            answer.withBytes { bytes in
                guard let copy = cssh2_allocate(bytes.count, abstract) else { return }
                copy.copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(copy), byteCount: bytes.count)
                responses?[index].text = copy.assumingMemoryBound(to: CChar.self)
                responses?[index].length = UInt32(bytes.count)
            }
        }
    }

    typealias Callback =
        @convention(c) (
            UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, Int32, Int32, UnsafePointer<LIBSSH2_USERAUTH_KBDINT_PROMPT>?,
            UnsafeMutablePointer<LIBSSH2_USERAUTH_KBDINT_RESPONSE>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Void
}

/// A semaphore that starts at zero.
private final class Baton {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func pass() {
        sem_post(semaphore)
    }

    func await() {
        // A signal may interrupt it.
        while sem_wait(semaphore) != 0 {}
    }
}
