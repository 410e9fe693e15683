"""What people type, and what has to be among the first three."""

import pytest

from ui.resources.catalogue import all_resources
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


def test_there_are_forty_questions_half_of_them_chinese():
    assert len(ENGLISH) >= 20
    assert len(CHINESE) >= 20


@pytest.mark.parametrize(("query", "expected"), [*ENGLISH.items(), *CHINESE.items()])
def test_the_expected_entry_is_among_the_first_three(query, expected):
    assert expected in list(search(query))[:3]


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
