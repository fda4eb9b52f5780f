package store

import (
	"bytes"
	"iter"
	"maps"
	"slices"
)

// unsaved are the images that are not on disk, and, if whole, those of which the
// disk has not the body.
func (l *lastImages) unsaved(whole bool) iter.Seq2[recordName, lastImage] {
	flags := imageDirty
	if whole {
		flags |= imageBrief
	}
	all := slices.Collect(maps.Keys(l.displaced))
	for at := range l.table.all {
		if e := l.entry(at); e[16]&flags != 0 {
			all = append(all, recordName(e[:16]))
		}
	}
	return byName(all, func(h *recordName) lastImage {
		if cell, found := l.find(h); found {
			return readImage(l.entry(l.table.at(cell)))
		}
		return l.displaced[*h]
	})
}

// byName yields images in the order of their keys: what is written together then
// stands together, and Badger does not merge it with all others.
func byName(all []recordName, image func(*recordName) lastImage) iter.Seq2[recordName, lastImage] {
	slices.SortFunc(all, func(a, b recordName) int { return bytes.Compare(a[:], b[:]) })
	return func(yield func(recordName, lastImage) bool) {
		for i := range all {
			if !yield(all[i], image(&all[i])) {
				return
			}
		}
	}
}

// saved says that everything is on disk now, the bodies too if not in brief.
func (l *lastImages) saved(brief bool) {
	clear(l.displaced)
	for at := range l.table.all {
		e := l.entry(at)
		switch {
		case !brief:
			e[16] &^= imageDirty | imageBrief
		case e[16]&imageDirty != 0:
			e[16] = e[16]&^imageDirty | imageBrief
		}
	}
	l.hasBrief = brief
}
