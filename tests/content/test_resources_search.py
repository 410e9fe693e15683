"""What people type, and what has to be among the first three."""

import pytest

from ui.resources.catalogue import all_resources
from ui.resources.mending import Piece, mend
from ui.resources.search import fold, index_tokens, query_tokens, search

ENGLISH = {
    "pytorch": "pytorch",
    "Pytroch tutorial": "pytorch-tutorials",
    "transfomer": "annotated-transformer",
    "attention is all you need": "attention-2017",
    "cnn": "cnn-explainer",
    "handwritten digits": "mnist",
    "sklern": "scikit-learn",
    "scikit learn": "scikit-learn",
    "papers with code": "papers-with-code",
    "how do I deploy on a phone": "executorch",
    "tensorflow lite": "litert",
    "hyperparameter search": "optuna",
    "goodfelow": "goodfellow-dl",
    "medical images": "medmnist",
    "self-driving simulator": "carla",
    "stable diffusion": "hf-diffusers",
    "federated learning": "flower",
    "andrew ng": "dl-specialization",
    "keras book": "dlwp-chollet",
    "d2l": "d2l-en",
    "explain predictions of a table": "shap",
    "LLM from scratch": "llms-from-scratch",
}
CHINESE = {
    "卷积神经网络": "cnn-explainer",
    "李宏毅": "lhy-ml",
    "花书": "goodfellow-dl",
    "鱼书": "dlfs-fish",
    "动手学深度学习": "d2l-zh",
    "手写数字": "mnist",
    "反向传播": "backprop-1986",
    "强化学习 游戏": "dqn-2013",
    "怎么调参": "tuning-playbook",
    "大模型 从零": "happy-llm",
    "量化": "torchao",
    "部署到手机": "executorch",
    "语音识别数据集": "aishell-1",
    "自动驾驶": "carla",
    "吴恩达": "coursera-nndl",
    "扩散模型": "ddpm-2020",
    "联邦学习": "flower",
    "对抗样本": "fgsm-2014",
    "热力图": "gradcam-2016",
    "注意力机制 论文": "attention-2017",
    "文生图": "hf-diffusers",
    "学习路线": "cs-self-learning",
}


WITH_SLIPS = {
    "卷机神经网络": "cnn-explainer",  # a wrong character
    "李弘毅": "lhy-ml",
    "反向传博": "backprop-1986",
    "花树": "goodfellow-dl",
    "扩散摸型": "ddpm-2020",
    "联帮学习": "flower",
    "动手学深渡学习": "d2l-zh",
    "部属到手机": "executorch",
    "李毅": "lhy-ml",  # a missing one
    "反传播": "backprop-1986",
    "卷积积神经网络": "cnn-explainer",  # one too many
    "神网经络": "3blue1brown-nn",  # two swapped
    "注意立机制 论文": "attention-2017",
}
"""Chinese as it comes out of a hasty input method."""


def test_there_are_forty_questions_half_of_them_chinese():
    assert len(ENGLISH) >= 20
    assert len(CHINESE) >= 20


@pytest.mark.parametrize(("query", "expected"), [*ENGLISH.items(), *CHINESE.items()])
def test_the_expected_entry_is_among_the_first_three(query, expected):
    assert expected in list(search(query))[:3]


@pytest.mark.parametrize(("query", "expected"), WITH_SLIPS.items())
def test_slips_in_chinese_are_forgiven(query, expected):
    assert expected in list(search(query))[:3]


@pytest.mark.parametrize("query", ["红烧肉", "今天天气", "猫狗大战"])
def test_what_is_no_slip_is_not_mended_into_something_else(query):
    assert not search(query)


def test_what_stands_in_the_catalogue_is_not_mended():
    words = {"语音识别", "数据集", "卷积神经网络", "深度"}
    pairs = {"语音", "音识", "识别", "数据", "据集", "手机", "神经", "经网", "网络"}
    assert mend("语音识别数据集", words, pairs.__contains__) == [Piece("语音识别数据集", False)]
    assert mend("神经网络", words, pairs.__contains__) == [Piece("神经网络", False)]
    assert mend("手机卷机神经网络", words, pairs.__contains__) == [Piece("手机", False), Piece("卷积神经网络", True)]
    assert mend("深渡", words, pairs.__contains__) == [Piece("深度", True)]
    assert mend("的" * 500, words, pairs.__contains__) == [Piece("的" * 500, False)]


def test_what_is_certain_comes_before_what_was_mended():
    assert search("卷积神经网络")["cnn-explainer"] > search("卷机神经网络")["cnn-explainer"]


def test_every_entry_is_found_by_each_of_its_titles():
    titles = [(resource.id, title) for resource in all_resources() for title in (resource.title_en, resource.title_zh)]
    assert not [(identifier, title) for identifier, title in titles if identifier not in list(search(title))[:3]]


@pytest.mark.parametrize("query", ["", " ", "?!", "zzzzqqq", "😀", "\x00", "%' OR 1=1 --", "x" * 5000, "的" * 500])
def test_odd_questions_have_an_answer_or_none_but_no_error(query):
    assert isinstance(search(query), dict)


def test_nonsense_finds_nothing():
    assert not search("zzzzqqq")
    assert not search("")


def test_case_accents_and_full_width_do_not_matter():
    assert fold("ＲｅｓＮＥＴ Léon") == "resnet leon"
    assert search("ＰＹＴＯＲＣＨ") == search("pytorch")


def test_chinese_is_read_in_pairs_and_small_words_are_dropped():
    assert query_tokens("怎么学习卷积") == ["卷积"]
    assert {"卷积", "积神", "神经", "卷"} <= index_tokens("卷积神经")
    assert query_tokens("how to") == ["how", "to"]  # rather all than nothing


def test_a_title_weighs_more_than_a_mention():
    ranked = list(search("captum"))
    assert ranked[0] == "captum"
