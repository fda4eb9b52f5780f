package store

// alerting checks one key of what became of alerts.
func alerting(key, payload []byte) ([]byte, error) {
	kind := keyKind(key[0])
	switch {
	case kind == kindOutbox && len(key) == 1:
		_, err := parseUint(payload)
		return key, err
	case kind == kindOutbox, kind == kindDead:
		d, err := decodeDelivery(payload)
		return deliveryKey(kind, d.Sink, d.Number), err
	case kind == kindEvent:
		e, err := decodeEvent(payload)
		return eventKey(e.Alert, e.Number), err
	case kind == kindSilence:
		s, err := decodeSilence(payload)
		return nameKey(kindSilence, s.ID), err
	case kind == kindInhibit:
		var i inhibit
		err := decode(payload, &i)
		return inhibitKey(i.Rule, i.ID), err
	}
	var l latest
	err := decode(payload, &l)
	return latestKey(l.Rule, l.Group), err
}
