internal import Catalogue
internal import LedgerCore
internal import Wire

/// How a session is opened and closed.
extension Session {
    func open(_ open: Open) {
        guard open.protocolVersion == RollcallProtocol.version else {
            let sentence: Text =
                "The agent speaks protocol version " + .decimal(RollcallProtocol.version) + " and the controller "
                + .decimal(open.protocolVersion) + "; bring the older of the two up to date."
            send(Refusal(.protocolVersion, sentence).message(0))
            state = .ended
            return
        }
        (session, call) = (open.session, open.call)
        let salted = device.ledger.person(door.operatorName)
        person = salted?.digest ?? []
        do throws(Refusal) {
            try device.owner.checkDoor()
            try checkRoster()
        } catch {
            send(error.message(0))
            let index = try? device.ledger.append(entry(.refused, subject: "session", detail: error.rule))
            if let salted { device.ledger.remember(salted, at: index ?? device.ledger.size) }
            state = .ended
            return
        }
        state = .open
        var opened = entry(.sessionOpened, subject: role.name, detail: open.reason)
        // Which key it was, for sshd writes the same names for many keys.
        if !door.key.isEmpty { opened.digest = SHA256.hash(door.key.bytes) }
        let index = try? device.ledger.append(opened)
        // Where this entry does not get in, the next one that does is the first to hold the digest.
        if let salted { device.ledger.remember(salted, at: index ?? device.ledger.size) }
        let witness = witness(open.witness)
        send(.opened(Opened(session: session, role: role.name, operatorName: door.operatorName, witness: witness)))
    }

    func close(_ close: Close) {
        for request in live { cancel(request) }
        let witness = witness(close.witness)
        end(detail: "closed")
        send(.closed(Closed(checkpoint: device.ledger.checkpoint, witness: witness, busyTime: busyTime.total)))
    }

    private func witness(_ offer: WitnessOffer) -> WitnessAnswer {
        let judgement = device.witness.judge(offer)
        // A late head may be offered at the opening and at the close; one entry tells it.
        let isOtherSize = judgement.answer.status == .otherSize
        if isOtherSize, hasLoggedOtherSize { return judgement.answer }
        hasLoggedOtherSize = hasLoggedOtherSize || isOtherSize
        for var entry in judgement.entries {
            (entry.session, entry.call, entry.person) = (session, call, person)
            _ = try? device.ledger.append(entry)
        }
        return judgement.answer
    }
}
