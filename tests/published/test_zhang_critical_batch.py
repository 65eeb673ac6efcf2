"""Zhang et al. 2024 (arXiv:2410.21676): critical batches of the models it trained."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.laws.hyper import CriticalBatch


@pytest.mark.parametrize(("millions", "sequences"), [(151, 985), (1200, 2610)])
def test_sequences_of_512_tokens(millions: float, sequences: int) -> None:
    law = Catalogue().law("zhang_critical_batch")
    assert isinstance(law, CriticalBatch)
    # a whole number is printed
    assert float(law.batch_tokens(n=millions * 1e6)) / 512 == pytest.approx(sequences, abs=0.5)


def test_with_data_fixed_eight_times_the_size_needs_a_fifth_more() -> None:
    law = Catalogue().law("zhang_critical_batch_fixed_data")
    assert isinstance(law, CriticalBatch)
    assert float(law.batch_tokens(n=1200e6) / law.batch_tokens(n=150e6)) == pytest.approx(8**0.087)
