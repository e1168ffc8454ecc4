from hms.lib.ids import ALPHABET, REFERENCE_LENGTH, new_event_id, new_reference


def test_new_reference_can_be_read_out_on_the_phone():
    references = {new_reference() for _ in range(1000)}
    assert len(references) == 1000
    assert {len(reference) for reference in references} == {REFERENCE_LENGTH}
    assert set("".join(references)) == set(ALPHABET)
    assert not set("ILOU") & set(ALPHABET)


def test_new_event_id_fits_googles_alphabet():
    assert set(new_event_id()) <= set("0123456789abcdefghijklmnopqrstuv")
